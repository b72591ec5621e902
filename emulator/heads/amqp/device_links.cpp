#include "emulator/heads/amqp/device_links.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "emulator/heads/amqp/c2d_message.h"
#include "emulator/heads/amqp/condition.h"
#include "emulator/heads/amqp/telemetry_message.h"
#include "emulator/heads/amqp/twin_message.h"
#include "emulator/heads/refusal.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/fault_injection.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"
#include "emulator/hub/refusals.h"
#include "emulator/hub/twin_json.h"

namespace iothub::heads::amqp_head {
namespace {

using Kind = LinkAddress::Kind;
using Role = DeviceLinks::Role;

/// Answers and notifications that may wait for a peer that grants no credit.
constexpr std::size_t kMostTwinAnswers = 100;

std::string_view name_of(Role role) {
  switch (role) {
    case Role::telemetry:
      return "telemetry";
    case Role::c2d:
      return "cloud-to-device";
    case Role::inputs:
      return "input";
    case Role::method_requests:
      return "method request";
    case Role::method_answers:
      return "method answer";
    case Role::twin_requests:
      return "twin request";
    case Role::twin_answers:
      return "twin answer";
  }
  return "";
}

/// How the hub's own end of an identity looks to the SDKs (amqp.md 2.6).
std::string_view condition_name(hub::LinkEnd end) {
  switch (end) {
    case hub::LinkEnd::taken_over:
      return "amqp:link:stolen";
    case hub::LinkEnd::disabled:
      return "amqp:unauthorized-access";
    case hub::LinkEnd::deleted:
      return "amqp:not-found";
    case hub::LinkEnd::reset:
    case hub::LinkEnd::shut_down:
      return "amqp:link:detach-forced";
  }
  return "";
}

}  // namespace

std::optional<Role> DeviceLinks::role_of(const LinkAddress& address, bool peer_receives) {
  switch (address.kind) {
    case Kind::events:
      if (!peer_receives) return Role::telemetry;
      return address.identity.is_module() ? std::optional(Role::inputs) : std::nullopt;
    case Kind::c2d:
      return peer_receives ? std::optional(Role::c2d) : std::nullopt;
    case Kind::methods:
      return peer_receives ? Role::method_requests : Role::method_answers;
    case Kind::twin:
      return peer_receives ? Role::twin_answers : Role::twin_requests;
    case Kind::unknown:
    case Kind::cbs:
    case Kind::management:
    case Kind::partition:
    case Kind::hub_events:
    case Kind::event_hub:
    case Kind::c2d_send:
    case Kind::feedback:
    case Kind::file_notices:
      break;
  }
  return std::nullopt;
}

DeviceLinks::DeviceLinks(hub::Hub& hub, hub::DevicePrincipal principal, amqp::Engine& engine,
                         const std::string& connection, const Carrier& carrier)
    : hub_(hub),
      principal_(std::move(principal)),
      engine_(engine),
      connection_(connection),
      carrier_(carrier),
      methods_(hub.new_tracking_id()),
      attachment_(hub.links().attach(principal_.identity, *this)) {}

DeviceLinks::~DeviceLinks() = default;

// ---- links ----------------------------------------------------------------------------------------------------------

void DeviceLinks::attach(const amqp::Attach& attach, Role role) {
  if (std::optional<amqp::LinkId>& older = link(role)) {
    const amqp::LinkId stolen = *older;
    gone(role);
    engine_.detach(stolen, {"amqp:link:stolen", "A newer link has taken its place"});
  }
  link(role) = attach.link;
  if (const amqp::Value* model = amqp::find(attach.properties, "com.microsoft:model-id")) {
    const std::string model_id = amqp::text_of(*model).value_or("");
    if (!model_id.empty()) hub_.twins().set_model_id(identity(), model_id);
  }
  engine_.accept(attach);
}

std::optional<Role> DeviceLinks::role_of(amqp::LinkId id) const {
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (links_[i] == id) return static_cast<Role>(i);
  }
  return std::nullopt;
}

std::optional<amqp::LinkId> DeviceLinks::with_credit(Role role) const {
  const std::optional<amqp::LinkId>& id = links_[static_cast<std::size_t>(role)];
  return id && engine_.credit(*id) > 0 ? id : std::nullopt;
}

/// What was on the way by the link is undone.
void DeviceLinks::gone(Role role) {
  link(role).reset();
  switch (role) {
    case Role::c2d:
    case Role::inputs:
      return hub_.c2d().link_gone(identity());
    case Role::twin_answers:
      wants_desired_ = false;
      return twin_answers_.clear();
    case Role::telemetry:
    case Role::method_requests:
    case Role::method_answers:
    case Role::twin_requests:
      return;
  }
}

void DeviceLinks::detached(amqp::LinkId id) {
  const std::optional<Role> role = role_of(id);
  if (!role) return;
  gone(*role);
  for (const std::optional<amqp::LinkId>& other : links_) {
    if (other) return;
  }
  ended_ = true;
  spdlog::info("amqp {}: '{}' disconnected: it has detached its last link", connection_, identity().name());
  attachment_.detach();
}

void DeviceLinks::end(const amqp::Condition& condition, std::string_view reason) {
  detach_all(condition, reason);
  attachment_.detach();
}

void DeviceLinks::close(hub::LinkEnd end) {
  detach_all({std::string(condition_name(end)), std::string(to_string(end))}, to_string(end));
  carrier_.pushed();
}

void DeviceLinks::detach_all(const amqp::Condition& condition, std::string_view reason) {
  if (std::exchange(ended_, true)) return;
  for (std::optional<amqp::LinkId>& id : links_) {
    if (id) engine_.detach(*id, condition);
    id.reset();
  }
  twin_answers_.clear();
  spdlog::info("amqp {}: '{}' disconnected: {}", connection_, identity().name(), reason);
}

// ---- what the peer sends --------------------------------------------------------------------------------------------

std::optional<amqp::Condition> DeviceLinks::decode_error(Role role) const {
  spdlog::warn("amqp {}: '{}': a {} message cannot be read", connection_, identity().name(), name_of(role));
  return amqp::Condition{"amqp:decode-error", "The message cannot be read"};
}

std::optional<amqp::Condition> DeviceLinks::message(amqp::LinkId id, std::string_view bytes) {
  const std::optional<Role> role = role_of(id);
  if (!role) return amqp::Condition{"amqp:not-found", "There is no such link"};
  const std::optional<amqp::Message> message = amqp::parse_message(bytes);
  if (!message) return decode_error(*role);
  switch (*role) {
    case Role::telemetry:
      return take_telemetry(*message);
    case Role::method_answers:
      return take_method_answer(*message);
    case Role::twin_requests:
      return take_twin_request(*message);
    case Role::c2d:
    case Role::inputs:
    case Role::method_requests:
    case Role::twin_answers:
      break;  // the peer receives on them
  }
  return amqp::Condition{"amqp:not-allowed", "The link has the wrong direction"};
}

std::string_view DeviceLinks::operation_of(amqp::LinkId id) const {
  switch (role_of(id).value_or(Role::c2d)) {
    case Role::telemetry:
      return "telemetry";
    case Role::method_answers:
      return "method";
    case Role::twin_requests:
      return "twin";
    case Role::c2d:
    case Role::inputs:
    case Role::method_requests:
    case Role::twin_answers:
      return {};  // the peer receives on them
  }
  return {};
}

bool DeviceLinks::refuse_twin_request(amqp::LinkId id, std::string_view bytes, const hub::HubError& error) {
  const std::optional<amqp::Message> request = amqp::parse_message(bytes);
  if (role_of(id) != Role::twin_requests || !request) return false;
  answer_twin_error(*request, error);
  return true;
}

bool DeviceLinks::loses(std::string_view operation) {
  return hub_.fault_rules().loses("amqp", identity().device.value, operation);
}

std::optional<amqp::Condition> DeviceLinks::take_telemetry(const amqp::Message& envelope) {
  std::vector<amqp::Message> batch;
  if (std::optional<std::vector<amqp::Message>> parts = amqp::parse_batch(envelope)) {
    batch = std::move(*parts);
  } else {
    batch.push_back(envelope);
  }
  if (hub_.fault_injection()) {
    // The C SDK asks on the envelope of a batch.
    std::string body;
    const hub::Result<std::optional<hub::Fault>> fault = hub::fault_of(telemetry_of(envelope, body).properties);
    if (!fault) return condition_of(hub_, fault.error());
    if (*fault) return carrier_.ask_for(identity(), **fault);
    if (const auto stands = hub_.faults().admit(identity()); !stands) return condition_of(hub_, stands.error());
  }
  std::vector<std::string> bodies(batch.size());
  std::vector<hub::Telemetry> telemetry;
  telemetry.reserve(batch.size());
  for (const amqp::Message& message : batch) {
    // A body that is no bytes and no text has no place in the hub.
    if (message.value && !message.value->is_null() && !amqp::text_of(*message.value))
      return decode_error(Role::telemetry);
    telemetry.push_back(telemetry_of(message, bodies[telemetry.size()]));
  }
  const hub::Result<void> appended = hub_.events().append_batch(principal_, telemetry);
  if (appended) return std::nullopt;
  hub_.refusals().note("amqp", identity().name(), "telemetry", appended.error());
  spdlog::info("amqp {}: telemetry of '{}' is refused: {}", connection_, identity().name(),
               shown(said(appended.error())));
  return condition_of(hub_, appended.error());
}

std::optional<amqp::Condition> DeviceLinks::take_method_answer(const amqp::Message& answer) {
  const std::optional<std::string> request = methods_.request_id_of(answer.correlation_id);
  const std::optional<int> status = method_status(answer);
  if (!status) {
    spdlog::warn("amqp {}: '{}' answers a method without the integer IoThub-status", connection_, identity().name());
    return amqp::Condition{"amqp:invalid-field", "IoThub-status is missing or no integer"};
  }
  if (!request || !hub_.methods().answer(identity(), *request, *status, answer.body())) {
    spdlog::info("amqp {}: '{}' answers a method request that nobody waits for", connection_, identity().name());
  }
  return std::nullopt;
}

std::optional<amqp::Condition> DeviceLinks::take_twin_request(const amqp::Message& request) {
  if (twin_answers_.size() >= kMostTwinAnswers) {
    spdlog::warn("amqp {}: '{}' does not take its twin answers; no more requests are taken", connection_,
                 identity().name());
    return amqp::Condition{"amqp:resource-limit-exceeded", "Too many answers wait for credit"};
  }
  answer_twin(request);
  return std::nullopt;
}

bool DeviceLinks::admit_twin(hub::Operation operation, const amqp::Message& request) {
  const hub::Result<void> admitted = hub_.throttle().admit(operation);
  if (!admitted) answer_twin_error(request, admitted.error());
  return admitted.has_value();
}

void DeviceLinks::answer_twin(const amqp::Message& request) {
  constexpr int kDone = 200;
  constexpr int kNoContent = 204;
  const std::optional<TwinOperation> operation = twin_operation(request);
  if (!operation) {
    return answer_twin_error(
        request, hub::argument_invalid("BadRequest", "no such operation, or not on this resource of the twin"));
  }
  switch (*operation) {
    case TwinOperation::get: {
      if (!admit_twin(hub::Operation::twin_read, request)) return;
      hub_.links().touch(identity());
      const hub::Result<hub::TwinView> view = hub_.twins().get(identity());
      if (!view) return answer_twin_error(request, view.error());
      const std::string text = hub::device_twin_text(*view->twin);
      hub_.throttle().charge(text.size());
      twin_answers_.push_back(encode_twin_answer(request, kDone, std::nullopt, text));
      return;
    }
    case TwinOperation::patch_reported: {
      if (!admit_twin(hub::Operation::twin_write, request)) return;
      const hub::Result<hub::Json> patch = hub::parse_json(request.body());
      if (!patch) return answer_twin_error(request, patch.error());
      const hub::Result<std::int64_t> version = hub_.twins().patch_reported(identity(), *patch);
      if (!version) return answer_twin_error(request, version.error());
      hub_.throttle().charge(request.body().size());
      twin_answers_.push_back(encode_twin_answer(request, kNoContent, *version, {}));
      return;
    }
    case TwinOperation::subscribe:
    case TwinOperation::unsubscribe:
      wants_desired_ = *operation == TwinOperation::subscribe;
      twin_answers_.push_back(encode_twin_answer(request, kDone, std::nullopt, {}));
      return;
  }
}

void DeviceLinks::answer_twin_error(const amqp::Message& request, const hub::HubError& error) {
  hub_.refusals().note("amqp", identity().name(), "twin request", error);
  spdlog::info("amqp {}: a twin request of '{}' is refused with {}: {}", connection_, identity().name(),
               static_cast<int>(error.code), shown(said(error)));
  twin_answers_.push_back(
      encode_twin_answer(request, hub::http_status(error.code), std::nullopt, error_object(hub_, error)));
}

void DeviceLinks::send_answers() {
  while (!twin_answers_.empty()) {
    const std::optional<amqp::LinkId> id = with_credit(Role::twin_answers);
    if (!id) return;
    engine_.send(*id, twin_answers_.front());
    twin_answers_.pop_front();
  }
}

void DeviceLinks::credit(amqp::LinkId id) {
  const std::optional<Role> role = role_of(id);
  if (!role || engine_.credit(id) <= 0) return;
  switch (*role) {
    case Role::c2d:
    case Role::inputs:
      return hub_.c2d().deliver(identity());
    case Role::method_requests:
      return hub_.methods().link_ready(identity());
    case Role::twin_answers:
      return send_answers();
    case Role::telemetry:
    case Role::method_answers:
    case Role::twin_requests:
      return;
  }
}

std::optional<amqp::Condition> DeviceLinks::settled(amqp::LinkId id, std::string_view tag, amqp::Outcome outcome) {
  const std::optional<Role> role = role_of(id);
  const std::optional<std::string> lock_token = lock_token_of(tag);
  if ((role != Role::c2d && role != Role::inputs) || !lock_token) return std::nullopt;
  hub::Result<void> done;
  switch (outcome) {
    case amqp::Outcome::accepted:
      done = hub_.c2d().complete(identity(), *lock_token);
      break;
    case amqp::Outcome::rejected:
      done = hub_.c2d().reject(identity(), *lock_token);
      break;
    case amqp::Outcome::released:
      done = hub_.c2d().abandon(identity(), *lock_token);
      break;
    case amqp::Outcome::none:  // the lock's end makes the message available again
      break;
  }
  if (done) return std::nullopt;
  hub_.refusals().note("amqp", identity().name(), "settle a cloud-to-device message", done.error());
  spdlog::info("amqp {}: '{}' settles a cloud-to-device message too late: {}", connection_, identity().name(),
               said(done.error()));
  return condition_of(hub_, done.error());
}

// ---- what the hub pushes --------------------------------------------------------------------------------------------

void DeviceLinks::desired_changed(const hub::DesiredChange& change) {
  if (!wants_desired_ || !link(Role::twin_answers) || loses("desired")) return;
  if (twin_answers_.size() >= kMostTwinAnswers) {
    spdlog::warn("amqp {}: '{}' does not take its twin notifications: the link ends", connection_, identity().name());
    engine_.detach(*link(Role::twin_answers), {"amqp:resource-limit-exceeded", "Too many notifications wait"});
    gone(Role::twin_answers);
  } else {
    twin_answers_.push_back(encode_desired_change(change));
    send_answers();
  }
  carrier_.pushed();
}

bool DeviceLinks::invoke_method(const hub::MethodRequest& request) {
  const std::optional<amqp::LinkId> id = with_credit(Role::method_requests);
  if (!id) return false;
  if (loses("method-request")) return true;
  engine_.send(*id, encode_method_request(request, methods_.id_of(request.request_id)));
  carrier_.pushed();
  return true;
}

bool DeviceLinks::deliver_c2d(const hub::C2dMessage& message) {
  std::optional<amqp::LinkId> id = with_credit(Role::c2d);
  if (!id) id = with_credit(Role::inputs);
  if (!id) return false;
  if (loses("c2d-delivery")) return true;
  engine_.send(*id, encode_c2d(message), delivery_tag(message.lock_token));
  carrier_.pushed();
  return true;
}

}  // namespace iothub::heads::amqp_head
