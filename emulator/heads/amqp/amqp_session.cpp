#include "emulator/heads/amqp/amqp_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "emulator/heads/amqp/c2d_message.h"
#include "emulator/heads/amqp/condition.h"
#include "emulator/heads/amqp/event_filter.h"
#include "emulator/heads/amqp/event_message.h"
#include "emulator/heads/amqp/file_notification.h"
#include "emulator/heads/amqp/management.h"
#include "emulator/heads/refusal.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/json.h"
#include "emulator/hub/refusals.h"
#include "emulator/hub/sas_token.h"
#include "emulator/hub/until.h"
#include "emulator/hub/uploads.h"
#include "protocol/text/ascii.h"

namespace iothub::heads::amqp_head {
namespace {

using Kind = LinkAddress::Kind;

/// Readers go on when the peer has taken this much.
constexpr std::size_t kMostQueued = std::size_t{1} << 20U;
constexpr std::int64_t kEventsAtOnce = 32;
/// The hub's clock may be a virtual one, so a far expiry is looked at as often as this.
constexpr std::chrono::milliseconds kExpiryLook = std::chrono::minutes{1};

std::string_view host_of(std::string_view resource) {
  if (const std::size_t scheme = resource.find("://"); scheme != std::string_view::npos)
    resource.remove_prefix(scheme + 3);
  return resource.substr(0, resource.find('/'));
}

/// Who a PLAIN name says it is: `{device}@sas.{hub}` or `{device}/modules/{module}@sas.{hub}`.
hub::Identity identity_of(std::string_view name) {
  constexpr std::string_view kModules = "/modules/";
  const std::string_view who = name.substr(0, name.rfind('@'));
  const std::size_t modules = who.find(kModules);
  if (modules == std::string_view::npos) return {{std::string(who)}, {}};
  return {{std::string(who.substr(0, modules))}, {std::string(who.substr(modules + kModules.size()))}};
}

}  // namespace

AmqpSession::AmqpSession(const SessionEnvironment& environment, const Peer& peer, Outbox& outbox)
    : environment_(environment),
      peer_(peer),
      outbox_(outbox),
      engine_(*this),
      devices_(engine_, claims_, peer,
               {.pushed = [this] { pushed(); },
                .peer = {peer.websocket ? "amqp-ws" : "amqp", peer.remote_address, peer.connection_id},
                .ask_for = [this](const hub::Identity& identity,
                                  const hub::Fault& fault) { return ask_for(identity, fault); }}),
      rule_faults_({.engine = engine_,
                    .devices = devices_,
                    .outbox = outbox,
                    .id = peer.connection_id,
                    .ended = [this] { ended_ = true; },
                    .has_written = [this] { flush(); }},
                   environment.scheduler),
      wake_(environment.scheduler),
      tick_(environment.scheduler),
      expiry_(environment.scheduler),
      proof_(environment.scheduler) {
  proof_.set(kProofTime, [this] {
    if (hub_ != nullptr && peer_.certificate) return;
    spdlog::info("amqp {}: {} has put no token within {} s", peer_.connection_id, peer_.remote_address,
                 kProofTime.count());
    let_go({"amqp:connection:forced", "No token was put in time"});
  });
}

AmqpSession::~AmqpSession() = default;

// ---- bytes ----------------------------------------------------------------------------------------------------------

void AmqpSession::receive(std::span<const std::byte> bytes) {
  if (ended_) return;
  if (tap_ != nullptr) wire_frames_->received(bytes, *tap_);
  inside_ = true;
  engine_.receive(bytes);
  inside_ = false;
  if (engine_.overfull()) {
    spdlog::warn("amqp {}: {} opens or sends more than one may who has put no token", peer_.connection_id,
                 peer_.remote_address);
    return let_go({"amqp:resource-limit-exceeded", "Too much for a connection without a token"});
  }
  flush();
}

void AmqpSession::proved() {
  engine_.trust();
  proof_.cancel();
}

void AmqpSession::let_go(const amqp::Condition& condition) {
  engine_.close(condition);
  engine_.write(outbox_.pending());
  ended_ = true;
  tick_.cancel();
  outbox_.close(condition.name + ": " + condition.description);
}

void AmqpSession::tap(WireTap* tap) {
  tap_ = tap;
  wire_frames_ = tap == nullptr ? nullptr : std::make_unique<WireFrames>();
}

void AmqpSession::tell_sent(std::span<const std::byte> bytes, WireTap& tap) {
  if (wire_frames_) wire_frames_->sent(bytes, tap);
}

void AmqpSession::flush() {
  if (inside_ || ended_) return;
  inside_ = true;
  std::string out;
  // A peer that does not read is given no more: written() goes on.
  if (queued_ < kMostQueued) engine_.write(out);
  devices_.send_answers();
  const std::int64_t now = environment_.wall_clock.now().unix_milliseconds();
  const std::optional<std::int64_t> next = engine_.tick(now);
  if (queued_ + out.size() < kMostQueued) engine_.write(out);
  inside_ = false;
  if (!out.empty()) {
    queued_ += out.size();
    outbox_.pending() += out;
  }
  if (engine_.finished()) {
    ended_ = true;
    tick_.cancel();
    outbox_.close(engine_.end_reason());
    return;
  }
  if (next) {
    tick_.set(std::chrono::milliseconds{std::max<std::int64_t>(*next - now, 1)}, [this] { flush(); });
  } else {
    tick_.cancel();
  }
}

void AmqpSession::pushed() {
  if (inside_) return;
  pushing_ = true;
  flush();
  pushing_ = false;
}

void AmqpSession::written() {
  const bool held_back = queued_ >= kMostQueued;
  queued_ = 0;
  if (held_back) wake();
}

void AmqpSession::closed(std::string_view reason) {
  if (hub_ != nullptr) spdlog::info("amqp {}: ended: {}", peer_.connection_id, reason);
  ended_ = true;
  appended_.stop();
  feedback_available_.reset();
  file_notification_available_.reset();
  wake_.cancel();
  tick_.cancel();
  expiry_.cancel();
  proof_.cancel();
  faults_.clear();
  rule_faults_.clear();
  links_.clear();
  devices_.clear(reason);
}

void AmqpSession::commit_failed() {
  // Frames of the turn are lost, so the peer's view and the engine's differ: nothing can follow.
  ended_ = true;
  outbox_.close("the storage failed");
}

// ---- the connection -------------------------------------------------------------------------------------------------

void AmqpSession::opened(std::string_view hostname) {
  hub_ = environment_.hubs.find(hostname.empty() ? "localhost" : hostname);
  if (hub_ != nullptr && plain_hub_ != nullptr && plain_hub_ != hub_) {
    spdlog::warn("amqp {}: refused: the PLAIN token is for another hub than '{}'", peer_.connection_id,
                 shown(hostname));
    return engine_.close({"amqp:unauthorized-access", "Unauthorized"});
  }
  if (hub_ == nullptr) {
    spdlog::warn("amqp {}: refused: no hub here is called '{}'; see --host-name", peer_.connection_id, shown(hostname));
    return engine_.close({"amqp:not-found", "No hub is called '" + std::string(hostname) + "'"});
  }
  if (rule_faults_.opens(*hub_)) return;
  spdlog::info("amqp {}: connected from {}{}", peer_.connection_id, peer_.remote_address,
               peer_.secure ? "" : " without TLS");
  appended_ = hub_->events().on_appended([this](int partition) {
    const bool read = std::any_of(links_.begin(), links_.end(), [partition](const auto& link) {
      return link.second.reader && link.second.reader->partition == partition;
    });
    if (read) wake();
  });
}

bool AmqpSession::authenticate_plain(std::string_view name, std::string_view password) {
  // SASL comes before the peer says which host it wants, so the token's host finds the hub.
  const hub::Result<hub::SasToken> token = hub::SasToken::parse(password);
  hub::Hub* hub = token ? environment_.hubs.find(host_of(token->resource)) : nullptr;
  const hub::Result<void> presented =
      hub == nullptr
          ? hub::Result<void>(token ? hub::unauthorized("the token is for a hub that is not here") : token.error())
          : claims_.present(*hub, password);
  if (!presented) {
    spdlog::warn("amqp {}: PLAIN of '{}' refused: {}", peer_.connection_id, shown(name), presented.error().reason);
    if (hub != nullptr) hub->refusals().note("amqp", shown(name), "connect", presented.error());
    return false;
  }
  // `{policy}@sas.root.{hub}` or `{device}@sas.{hub}`: the name must be that of the token.
  const bool agree = name.find("@sas.root.") == std::string_view::npos
                         ? claims_.covers(identity_of(name))
                         : text::equals_ignoring_case(name.substr(0, name.find('@')), token->policy);
  if (!agree) {
    spdlog::warn("amqp {}: PLAIN of '{}' refused: the token is of {}", peer_.connection_id, shown(name),
                 token->policy.empty() ? "'" + shown(token->resource) + "'" : "policy '" + token->policy + "'");
    return false;
  }
  plain_hub_ = hub;
  proved();
  expire_claims();
  return true;
}

/// The peer's certificate says who it is, once it asks for a link.
bool AmqpSession::authenticate_external() {
  if (!peer_.certificate)
    spdlog::warn("amqp {}: EXTERNAL refused: there is no client certificate", peer_.connection_id);
  return peer_.certificate.has_value();
}

void AmqpSession::expire_claims() {
  const hub::Hub* hub = hub_ != nullptr ? hub_ : plain_hub_;
  const Timestamp now = hub->auth().now();
  const std::optional<Timestamp> next = claims_.expire(now);
  if (!next) return expiry_.cancel();
  expiry_.set(std::min(hub::until(now, *next), kExpiryLook), [this] {
    expire_claims();
    end_expired();
    flush();
  });
}

void AmqpSession::end_expired() {
  if (hub_ == nullptr) return;
  devices_.end_expired(*hub_);
  for (auto link = links_.begin(); link != links_.end();) {
    const std::optional<amqp::Condition> ended = authorize(link->second);
    if (!ended) {
      ++link;
      continue;
    }
    spdlog::info("amqp {}: the link '{}' ends: its token has expired", peer_.connection_id, link->second.address.path);
    engine_.detach(link->first, *ended);
    link = links_.erase(link);
  }
}

// ---- links ----------------------------------------------------------------------------------------------------------

/// Who may use the link; nothing: this peer.
std::optional<amqp::Condition> AmqpSession::authorize(const Link& link) const {
  hub::Result<void> authorized;
  switch (link.address.kind) {
    case Kind::cbs:
    case Kind::management:  // each request is authorised
    case Kind::unknown:
      return std::nullopt;
    case Kind::partition:
    case Kind::event_hub:
      authorized = claims_.authorize(text::lower(link.address.path), hub::Rights::service_connect);
      break;
    case Kind::hub_events:
    case Kind::c2d_send:
    case Kind::feedback:
    case Kind::file_notices:
      authorized = claims_.authorize(link.address.path, hub::Rights::service_connect);
      break;
    case Kind::events:
    case Kind::c2d:
    case Kind::methods:
    case Kind::twin:  // Devices decides
      return std::nullopt;
  }
  if (authorized) return std::nullopt;
  hub_->refusals().note("amqp", link.address.identity.name(), "attach " + shown(link.address.path), authorized.error());
  spdlog::warn("amqp {}: no access to '{}': {}", peer_.connection_id, shown(link.address.path),
               authorized.error().reason);
  return condition_of(*hub_, authorized.error());
}

void AmqpSession::refuse(const amqp::Attach& attach, const amqp::Condition& condition, std::string_view why) {
  spdlog::warn("amqp {}: the link '{}' to '{}' is refused: {}: {}", peer_.connection_id, shown(attach.name),
               shown(attach.peer_receives ? attach.source : attach.target), condition.name, why);
  hub_->refusals().note("amqp", {}, "attach " + shown(attach.peer_receives ? attach.source : attach.target),
                        condition.name + ": " + std::string(why));
  engine_.refuse(attach.link, condition);
}

void AmqpSession::attached(const amqp::Attach& attach) {
  if (hub_ == nullptr) return engine_.refuse(attach.link, {"amqp:not-found", "There is no such hub"});
  const std::string& said = attach.peer_receives ? attach.source : attach.target;
  Link link{parse_link_address(said), attach.session, attach.peer_receives, attach.target, {}, std::nullopt};
  if (const std::optional<amqp::Condition> refusal = authorize(link)) return refuse(attach, *refusal, "no access");
  switch (link.address.kind) {
    case Kind::cbs:
    case Kind::management:
      links_.emplace(attach.link, std::move(link));
      return engine_.accept(attach);
    case Kind::partition:
      return attach_reader(attach, std::move(link));
    case Kind::hub_events:
      return redirect_to_event_hub(attach, link.address);
    case Kind::event_hub:
      return refuse(attach, {"amqp:not-allowed", "Events reach this event hub through the IoT hub only"},
                    "only devices send events");
    case Kind::c2d_send:
    case Kind::feedback:
      if (attach.peer_receives != (link.address.kind == Kind::feedback)) {
        return refuse(attach, {"amqp:not-allowed", "The link has the wrong direction"}, "wrong direction");
      }
      if (attach.peer_receives && !feedback_available_) {
        feedback_available_ = hub_->feedback().listen([this] { wake(); });
      }
      links_.emplace(attach.link, std::move(link));
      return engine_.accept(attach);
    case Kind::file_notices:
      if (!attach.peer_receives) {
        return refuse(attach, {"amqp:not-allowed", "The link has the wrong direction"}, "wrong direction");
      }
      if (!file_notification_available_) {
        file_notification_available_ = hub_->uploads().notifications().listen([this] { wake(); });
      }
      links_.emplace(attach.link, std::move(link));
      return engine_.accept(attach);
    case Kind::events:
    case Kind::c2d:
    case Kind::methods:
    case Kind::twin:
      return attach_device(attach, link.address);
    case Kind::unknown:
      break;
  }
  amqp::Condition condition = condition_of(
      *hub_,
      {hub::ErrorCode{404006}, "The link address '" + said + "' did not match any of the expected formats.", {}, {}});
  amqp::add_symbol(condition.info, "com.microsoft:is-filtered", true);
  refuse(attach, condition, "no such address");
}

void AmqpSession::attach_device(const amqp::Attach& attach, const LinkAddress& address) {
  const auto proceed = [this, attach, address] {
    if (const std::optional<LinkRefusal> refusal = devices_.attach(*hub_, attach, address))
      return refuse(attach, refusal->condition, refusal->why);
    proved();
  };
  if (devices_.find(address.identity) != nullptr) return proceed();
  const std::optional<RuleFaults::Struck> struck = rule_faults_.attaches(*hub_, address.identity, proceed);
  if (!struck) return proceed();
  if (struck->refusal) refuse(attach, *struck->refusal, "a fault rule");
}

void AmqpSession::attach_reader(const amqp::Attach& attach, Link link) {
  if (!attach.peer_receives) {
    return refuse(attach, {"amqp:not-allowed", "Events reach this event hub through the IoT hub only"},
                  "only devices send events");
  }
  const LinkAddress& address = link.address;
  const std::optional<int> partition = partition_number(*hub_, address.partition);
  if (!text::equals_ignoring_case(address.event_hub, hub_->short_name()) ||
      !hub_->events().consumer_groups().contains(address.group) || !partition) {
    return refuse(attach, {"amqp:not-found", "The messaging entity '" + address.path + "' could not be found"},
                  "the event hub is '" + hub_->short_name() + "', its partitions 0 to " +
                      std::to_string(hub_->event_reader().partition_count() - 1) +
                      ", its consumer groups $Default and those of --consumer-group");
  }
  const hub::Result<hub::EventPosition> position = event_position(attach.filter);
  if (!position) {
    return refuse(attach, {"com.microsoft:argument-error", position.error().message}, position.error().message);
  }
  const amqp::Value* epoch = amqp::find(attach.properties, "com.microsoft:epoch");
  std::optional<hub::EventReader::Claim> claim = hub_->event_reader().claim(
      text::lower(address.group), *partition, epoch == nullptr ? std::nullopt : amqp::integer_of(*epoch),
      [this, id = attach.link](hub::ClaimEnd how) { end_reader(id, how); });
  if (!claim) {
    return refuse(attach, {"amqp:link:stolen", "The partition has a receiver with a higher epoch"},
                  "a receiver with a higher epoch is there");
  }
  link.reader = Reader{*partition, hub_->event_reader().find(*partition, *position), std::move(*claim)};
  spdlog::info("amqp {}: reads partition {} from sequence number {}", peer_.connection_id, *partition,
               link.reader->next);
  links_.emplace(attach.link, std::move(link));
  engine_.accept(attach);
}

void AmqpSession::end_reader(amqp::LinkId id, hub::ClaimEnd how) {
  links_.erase(id);
  switch (how) {
    case hub::ClaimEnd::stolen:
      spdlog::info("amqp {}: a receiver with a higher epoch takes the partition over", peer_.connection_id);
      engine_.detach(id, {"amqp:link:stolen", "A receiver with a higher epoch has taken the partition over"});
      break;
    case hub::ClaimEnd::group_removed:
      spdlog::info("amqp {}: a reader ends: its consumer group was removed", peer_.connection_id);
      engine_.detach(id, {"amqp:not-found", "The consumer group was removed"});
      break;
  }
  flush();
}

void AmqpSession::redirect_to_event_hub(const amqp::Attach& attach, const LinkAddress& address) {
  constexpr std::string_view kEvents = "messages/events";
  const std::string& host = hub_->host_name();
  amqp::Condition condition{"amqp:link:redirect", "The events are read from the Event-Hubs-compatible endpoint"};
  amqp::add_symbol(condition.info, "hostname", host);
  amqp::add_symbol(condition.info, "network-host", host);
  amqp::add_symbol(condition.info, "port", std::uint32_t{5671});
  amqp::add_symbol(condition.info, "address",
                   "amqps://" + host + ":5671/" + hub_->short_name() + address.path.substr(kEvents.size()));
  spdlog::info("amqp {}: '{}' is redirected to the event hub '{}'", peer_.connection_id, shown(address.path),
               hub_->short_name());
  engine_.redirect(attach, condition);
}

void AmqpSession::detached(amqp::LinkId link) {
  if (DeviceLinks* device = devices_.find(link)) return device->detached(link);
  links_.erase(link);
}

// ---- faults that a device asks for ----------------------------------------------------------------------------------

std::optional<amqp::Condition> AmqpSession::ask_for(const hub::Identity& identity, const hub::Fault& fault) {
  if (fault.type == hub::FaultType::shut_down_mqtt) {
    return amqp::Condition{"com.microsoft:argument-error", "ShutDownMqtt is for MQTT connections"};
  }
  if (hub::refusal_of(fault.type)) {
    const Timestamp from = hub_->clock().now().plus_seconds(fault.delay.count());
    hub_->faults().stand(identity, fault.type, from, from.plus_seconds(fault.duration.count()));
    return std::nullopt;
  }
  std::unique_ptr<hub::Timer>& timer = faults_[identity];
  if (!timer) timer = std::make_unique<hub::Timer>(environment_.scheduler);
  // A client that reads both at once hears of the end first: rhea gives a read's outcomes last, and Node's SDK then
  // calls the message lost that asked for the fault.
  constexpr std::chrono::milliseconds kAfterItsOutcome{100};
  timer->set(std::max<std::chrono::milliseconds>(fault.delay, kAfterItsOutcome), [this, identity, fault] {
    befall(identity, fault);
    flush();
  });
  return std::nullopt;
}

void AmqpSession::befall(const hub::Identity& identity, const hub::Fault& fault) {
  using Role = DeviceLinks::Role;
  DeviceLinks* device = devices_.find(identity);
  if (ended_ || device == nullptr) return;
  const std::string reason =
      "fault " + std::string(name_of(fault.type)) + " asked for by the device: " + shown(fault.reason);
  spdlog::info("amqp {}: '{}': {}", peer_.connection_id, identity.name(), reason);
  const amqp::Condition forced{"amqp:connection:forced", fault.reason};
  const auto detach = [&](std::initializer_list<Role> roles) {
    for (const Role role : roles) {
      if (const std::optional<amqp::LinkId> link = device->link_of(role)) {
        engine_.detach(*link, {"amqp:link:detach-forced", fault.reason});
        return device->detached(*link);
      }
    }
    spdlog::info("amqp {}: '{}' has no such link", peer_.connection_id, identity.name());
  };
  switch (fault.type) {
    case hub::FaultType::kill_tcp:
      ended_ = true;
      return outbox_.abort(reason);
    case hub::FaultType::kill_amqp_connection:
    case hub::FaultType::shut_down_amqp:
      return engine_.close(forced);
    case hub::FaultType::kill_amqp_session:
      for (std::size_t role = 0; role < DeviceLinks::kRoles; ++role) {
        const std::optional<amqp::LinkId> link = device->link_of(static_cast<Role>(role));
        if (link) return engine_.end_session(*link, forced);
      }
      return;
    case hub::FaultType::kill_amqp_cbs_link_request:
      return detach_cbs(false, {"amqp:link:detach-forced", fault.reason});
    case hub::FaultType::kill_amqp_cbs_link_response:
      return detach_cbs(true, {"amqp:link:detach-forced", fault.reason});
    case hub::FaultType::kill_amqp_d2c_link:
      return detach({Role::telemetry});
    case hub::FaultType::kill_amqp_c2d_link:
      return detach({Role::c2d, Role::inputs});
    case hub::FaultType::kill_amqp_twin_link_request:
      return detach({Role::twin_requests});
    case hub::FaultType::kill_amqp_twin_link_response:
      return detach({Role::twin_answers});
    case hub::FaultType::kill_amqp_method_link_request:
      return detach({Role::method_requests});
    case hub::FaultType::kill_amqp_method_link_response:
      return detach({Role::method_answers});
    case hub::FaultType::shut_down_mqtt:
    case hub::FaultType::invoke_throttling:
    case hub::FaultType::invoke_max_message_quota:
    case hub::FaultType::invoke_auth_error:
      return;  // answered by ask_for()
  }
}

void AmqpSession::detach_cbs(bool peer_receives, const amqp::Condition& condition) {
  for (auto link = links_.begin(); link != links_.end(); ++link) {
    if (link->second.address.kind != Kind::cbs || link->second.peer_receives != peer_receives) continue;
    engine_.detach(link->first, condition);
    links_.erase(link);
    return;
  }
}

// ---- messages -------------------------------------------------------------------------------------------------------

bool AmqpSession::holds(amqp::LinkId id, amqp::DeliveryId delivery, std::string_view bytes) {
  return rule_faults_.may_strike(*hub_) && devices_.find(id) != nullptr &&
         rule_faults_.holds(*hub_, id, delivery, bytes);
}

std::optional<amqp::Condition> AmqpSession::message(amqp::LinkId id, std::string_view bytes) {
  if (DeviceLinks* device = devices_.find(id)) return devices_.message(*device, id, bytes);
  const auto link = links_.find(id);
  if (link == links_.end()) return amqp::Condition{"amqp:not-found", "There is no such link"};
  if (link->second.address.kind == Kind::c2d_send) return send_c2d(bytes);
  return take_request(link->second, bytes);
}

std::optional<amqp::Condition> AmqpSession::send_c2d(std::string_view bytes) {
  const std::optional<amqp::Message> message = amqp::parse_message(bytes);
  if (!message) return amqp::Condition{"amqp:decode-error", "The message cannot be read"};
  hub::Result<AddressedC2d> addressed = addressed_c2d(*message);
  const hub::Result<std::int64_t> sent = addressed ? hub_->c2d().send(addressed->to, std::move(addressed->message))
                                                   : hub::Result<std::int64_t>(addressed.error());
  if (sent) return std::nullopt;
  const hub::HubError& error = sent.error();
  hub_->refusals().note("amqp", {}, "send cloud-to-device message", error);
  spdlog::info("amqp {}: a cloud-to-device message is refused: {} {}", peer_.connection_id, name_of(error.code),
               shown(heads::said(error)));
  return condition_of(*hub_, error);
}

void AmqpSession::send_feedback(amqp::LinkId id) {
  while (engine_.credit(id) > 0) {
    const std::optional<hub::FeedbackBatch> batch = hub_->feedback().receive();
    if (!batch) return;
    engine_.send(id, encode_feedback(*batch, hub_->short_name()), delivery_tag(batch->lock_token));
  }
}

std::optional<amqp::Condition> AmqpSession::take_request(const Link& link, std::string_view bytes) {
  const std::optional<amqp::Message> request = amqp::parse_message(bytes);
  if (!request) {
    spdlog::warn("amqp {}: a message to '{}' cannot be read", peer_.connection_id, link.address.path);
    return amqp::Condition{"amqp:decode-error", "The message cannot be read"};
  }
  if (link.address.kind == Kind::cbs) {
    std::string refusal;
    const amqp::Message reply = answer_put_token(*hub_, claims_, *request, refusal);
    if (refusal.empty()) {
      proved();
    } else {
      spdlog::warn("amqp {}: put-token is refused: {}", peer_.connection_id, refusal);
      hub_->refusals().note("amqp", {}, "put-token", refusal);
    }
    expire_claims();
    answer(link, *request, reply);
    return std::nullopt;
  }
  hub::Result<void> authorized = claims_.authorize(text::lower(hub_->short_name()), hub::Rights::service_connect);
  if (!authorized) {
    // The JS client shows the token here as well, as the management protocol has it.
    if (const amqp::Value* token = amqp::find(request->application_properties, "security_token")) {
      const auto grant = hub_->auth().verify_policy_token(amqp::text_of(*token).value_or(""));
      authorized = grant ? grant->authorize(text::lower(hub_->short_name()), hub::Rights::service_connect)
                         : hub::Result<void>(grant.error());
    }
  }
  if (!authorized) {
    spdlog::warn("amqp {}: $management is refused: {}", peer_.connection_id, authorized.error().reason);
    answer(link, *request, status_answer(*request, 401, "Unauthorized"));
    return std::nullopt;
  }
  proved();
  answer(link, *request, answer_management(*hub_, *request));
  return std::nullopt;
}

/// By the receiver whose target is the request's reply-to (Node and Java say one that exists nowhere), else by that of
/// the same address in the session, else in the connection.
void AmqpSession::answer(const Link& request_link, const amqp::Message& request, const amqp::Message& answer) {
  auto best = links_.end();
  int best_rank = 0;
  for (auto link = links_.begin(); link != links_.end(); ++link) {
    if (!link->second.peer_receives || link->second.address.kind != request_link.address.kind) continue;
    int rank = link->second.session == request_link.session ? 2 : 1;
    if (request.reply_to && !request.reply_to->empty() && link->second.target == *request.reply_to) rank += 2;
    if (rank > best_rank) {
      best = link;
      best_rank = rank;
    }
  }
  if (best == links_.end()) {
    spdlog::warn("amqp {}: a request to '{}' has no receiver for its answer", peer_.connection_id,
                 request_link.address.path);
    return;
  }
  best->second.answers.push_back(amqp::encode(answer));
  send_answers(best->first, best->second);
}

void AmqpSession::send_answers(amqp::LinkId id, Link& link) {
  while (!link.answers.empty() && engine_.credit(id) > 0) {
    engine_.send(id, link.answers.front());
    link.answers.pop_front();
  }
}

void AmqpSession::credit(amqp::LinkId id) {
  if (DeviceLinks* device = devices_.find(id)) {
    // The engine reports its own sending too; the hub goes on by itself then.
    if (!pushing_) device->credit(id);
    return;
  }
  if (pushing_) return wake();
  // Room in a session is told to one of its links.
  if (std::exchange(session_was_full_, false)) wake();
  const auto link = links_.find(id);
  if (link == links_.end()) return;
  send_answers(id, link->second);
  if (link->second.reader) read_events(id, link->second);
  if (link->second.address.kind == Kind::feedback) send_feedback(id);
  if (link->second.address.kind == Kind::file_notices) send_file_notifications(*hub_, engine_, id);
}

std::optional<amqp::Condition> AmqpSession::settled(amqp::LinkId id, std::string_view tag, amqp::Outcome outcome) {
  if (DeviceLinks* device = devices_.find(id)) {
    if (!rule_faults_.may_strike(*hub_)) return device->settled(id, tag, outcome);
    const auto settle = [this, id, tag = std::string(tag), outcome] {
      if (DeviceLinks* settling = devices_.find(id)) settling->settled(id, tag, outcome);
    };
    const std::optional<RuleFaults::Struck> struck = rule_faults_.settles(*hub_, *device, settle);
    return struck ? struck->refusal : device->settled(id, tag, outcome);
  }
  const auto link = links_.find(id);
  const std::optional<std::string> lock_token = lock_token_of(tag);
  if (link == links_.end() || !lock_token) return std::nullopt;
  if (link->second.address.kind == Kind::file_notices) {
    const hub::Result<void> settled = settle_file_notification(*hub_, *lock_token, outcome);
    if (settled) return std::nullopt;
    return condition_of(*hub_, settled.error());
  }
  if (link->second.address.kind != Kind::feedback) return std::nullopt;
  hub::Result<void> done;
  switch (outcome) {
    case amqp::Outcome::accepted:
      done = hub_->feedback().complete(*lock_token);
      break;
    case amqp::Outcome::rejected:
      done = hub_->feedback().reject(*lock_token);
      break;
    case amqp::Outcome::released:
      done = hub_->feedback().abandon(*lock_token);
      break;
    case amqp::Outcome::none:  // the lock's end makes the batch available again
      break;
  }
  if (done) return std::nullopt;
  return condition_of(*hub_, done.error());
}

// ---- events ---------------------------------------------------------------------------------------------------------

void AmqpSession::wake() {
  if (ended_ || wake_.is_set()) return;
  wake_.set(std::chrono::milliseconds{0}, [this] {
    serve_receivers();
    flush();
  });
}

void AmqpSession::serve_receivers() {
  for (auto& [id, link] : links_) {
    if (link.reader) read_events(id, link);
    if (link.address.kind == Kind::feedback) send_feedback(id);
    if (link.address.kind == Kind::file_notices) send_file_notifications(*hub_, engine_, id);
  }
}

void AmqpSession::read_events(amqp::LinkId id, Link& link) {
  Reader& reader = *link.reader;
  const hub::EventReader& events = hub_->event_reader();
  std::optional<hub::PartitionState> state;
  while (queued_ < kMostQueued && engine_.waiting_bytes(id) < kMostQueued) {
    const std::int64_t limit = std::min<std::int64_t>(engine_.credit(id), kEventsAtOnce);
    if (limit <= 0) return;
    const std::vector<storage::EventRow> rows = events.read(reader.partition, reader.next, limit);
    if (rows.empty()) return;
    if (!state) state = events.state(reader.partition);
    for (const storage::EventRow& row : rows) {
      if (engine_.waiting_bytes(id) >= kMostQueued) break;
      engine_.send(id, encode_event(row, *state, hub_->clock().now()));
      reader.next = row.sequence_number + 1;
    }
  }
  session_was_full_ = session_was_full_ || engine_.waiting_bytes(id) >= kMostQueued;
  // What the engine holds now goes out with this call's flush; written() goes on, or the peer's credit does.
}

}  // namespace iothub::heads::amqp_head
