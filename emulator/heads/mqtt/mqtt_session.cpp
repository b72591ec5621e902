#include "emulator/heads/mqtt/mqtt_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "emulator/heads/mqtt/user_name.h"
#include "emulator/heads/mqtt/wire_packets.h"
#include "emulator/heads/refusal.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/json.h"
#include "emulator/hub/refusals.h"
#include "emulator/hub/twin_json.h"
#include "emulator/hub/until.h"
#include "protocol/mqtt/encode.h"
#include "protocol/mqtt/frame.h"

namespace iothub::heads::mqtt_head {
namespace {

// MQTT 3.1.1, 3.2.2.3.
constexpr std::uint8_t kAccepted = 0;
constexpr std::uint8_t kUnacceptableProtocol = 1;
constexpr std::uint8_t kIdentifierRejected = 2;
constexpr std::uint8_t kServerUnavailable = 3;
constexpr std::uint8_t kNotAuthorized = 5;     // every failed authentication of a hub (corrections.md 5)
constexpr std::size_t kMaxTopicBytes = 65535;  // MQTT 3.1.1, 1.5.3
/// Of a CONNECT that comes in pieces, so that one that comes byte by byte is not copied as often.
constexpr std::size_t kPartialGrowth = 2048;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

MqttSession::MqttSession(const SessionEnvironment& environment, const Peer& peer, Outbox& outbox)
    : environment_(environment),
      peer_(peer),
      outbox_(outbox),
      timer_(environment.scheduler),
      fault_(environment.scheduler),
      hold_(environment.scheduler),
      last_packet_(environment.wall_clock.now()) {
  timer_.set(kConnectTimeout, [this] { end("no CONNECT came within 30 s"); });
}

MqttSession::~MqttSession() = default;

// ---- bytes in -----------------------------------------------------------------------------------------------------

void MqttSession::receive(std::span<const std::byte> bytes) {
  if (state_ == State::ended) return;
  if (held_) {
    partial_ += as_text(bytes);
    return;
  }
  const bool straight = partial_.empty();
  if (!straight) {
    // By as much as came: a string that grows by itself doubles, and so would what a stranger may hold.
    if (state_ == State::awaiting_connect && partial_.capacity() < partial_.size() + bytes.size()) {
      std::string grown;
      grown.reserve(partial_.size() + std::max(bytes.size(), kPartialGrowth));
      grown += partial_;
      partial_.swap(grown);
    }
    partial_ += as_text(bytes);
    bytes = std::as_bytes(std::span(partial_));
  }
  const std::size_t used = consume(bytes);
  if (state_ == State::ended || used == bytes.size()) {
    std::string().swap(partial_);  // an idle connection keeps no buffer
  } else if (straight) {
    partial_ = as_text(bytes.subspan(used));
  } else {
    partial_.erase(0, used);
  }
}

std::size_t MqttSession::consume(std::span<const std::byte> bytes) {
  std::size_t used = 0;
  while (state_ != State::ended && used < bytes.size()) {
    const std::size_t limit = state_ == State::awaiting_connect ? mqtt::kMaxConnectBytes : mqtt::kMaxPacketBytes;
    const mqtt::Frame frame = mqtt::next_frame(bytes.subspan(used), limit);
    if (frame.status == mqtt::FrameStatus::need_more) break;
    if (frame.status == mqtt::FrameStatus::malformed) {
      if (tap_ != nullptr) tap_->packet(malformed_packet(frame.reason, bytes.size() - used));
      end("malformed packet: " + frame.reason);
      break;
    }
    const mqtt::Decoded packet = mqtt::decode(frame.packet);
    if (!packet) {
      if (tap_ != nullptr) tap_->packet(malformed_packet(packet.error().reason, frame.packet.size()));
      end("malformed packet: " + packet.error().reason);
      break;
    }
    if (tap_ != nullptr && !fault_was_met_) tap_->packet(received_packet(*packet, frame.packet.size()));
    last_packet_ = environment_.wall_clock.now();
    const hub::FaultRule* rule = std::exchange(fault_was_met_, false) ? nullptr : strike(*packet);
    if (rule != nullptr && rule->action == hub::FaultRule::Action::delay) {
      hold(rule->delay);
      break;
    }
    if (rule != nullptr) {
      const hub::FaultRule struck = *rule;
      suffer(struck, *packet);
    } else {
      handle(*packet);
    }
    used += frame.packet.size();
  }
  return used;
}

void MqttSession::tell_sent(std::span<const std::byte> bytes, WireTap& tap) {
  tell_sent_packets(bytes, tap);
}

void MqttSession::handle(const mqtt::ClientPacket& packet) {
  const bool is_connect = std::holds_alternative<mqtt::Connect>(packet);
  if (is_connect != (state_ == State::awaiting_connect)) {
    return end(is_connect ? "a second CONNECT" : "the first packet is not CONNECT");
  }
  std::visit(Overloaded{
                 [this](const mqtt::Connect& connect) { handle_connect(connect); },
                 [this](const mqtt::Publish& publish) { handle_publish(publish); },
                 [this](const mqtt::Puback& puback) { handle_puback(puback.packet_id); },
                 [this](const mqtt::Pubrec&) { end("PUBREC: QoS 2 is not supported"); },
                 [this](const mqtt::Pubrel&) { end("PUBREL: QoS 2 is not supported"); },
                 [this](const mqtt::Pubcomp&) { end("PUBCOMP: QoS 2 is not supported"); },
                 [this](const mqtt::Subscribe& subscribe) { handle_subscribe(subscribe); },
                 [this](const mqtt::Unsubscribe& unsubscribe) { handle_unsubscribe(unsubscribe); },
                 [this](const mqtt::Pingreq&) { mqtt::encode_pingresp(outbox_.pending()); },
                 [this](const mqtt::Disconnect&) {
                   will_.reset();
                   end("the client said DISCONNECT");
                 },
             },
             packet);
}

// ---- faults by rule -------------------------------------------------------------------------------------------------

namespace {

std::string_view operation_of(const mqtt::ClientPacket& packet, const hub::Identity* identity) {
  return std::visit(Overloaded{
                        [](const mqtt::Connect&) -> std::string_view { return "connect"; },
                        [&](const mqtt::Publish& publish) -> std::string_view {
                          if (identity == nullptr) return {};
                          const PublishTopic topic = parse_publish_topic(publish.topic, *identity);
                          if (std::holds_alternative<TelemetryTopic>(topic)) return "telemetry";
                          if (std::holds_alternative<MethodResponseTopic>(topic)) return "method";
                          return std::holds_alternative<ForeignTopic>(topic) ? "publish" : "twin";
                        },
                        [](const mqtt::Puback&) -> std::string_view { return "c2d"; },
                        [](const mqtt::Subscribe&) -> std::string_view { return "subscribe"; },
                        [](const mqtt::Unsubscribe&) -> std::string_view { return "unsubscribe"; },
                        [](const mqtt::Pingreq&) -> std::string_view { return "ping"; },
                        [](const auto&) -> std::string_view { return {}; },
                    },
                    packet);
}

}  // namespace

const hub::FaultRule* MqttSession::strike(const mqtt::ClientPacket& packet) const {
  hub::Hub* hub = hub_;
  std::string device = principal_ ? identity().device.value : std::string();
  if (const auto* connect = std::get_if<mqtt::Connect>(&packet); connect != nullptr && connect->user_name) {
    const std::optional<UserName> name = parse_user_name(*connect->user_name);
    if (name) {
      hub = environment_.hubs.find(name->host);
      device = name->identity.device.value;
    }
  }
  if (hub == nullptr || hub->fault_rules().all().empty()) return nullptr;
  return hub->fault_rules().strike("mqtt", device, operation_of(packet, principal_ ? &identity() : nullptr));
}

void MqttSession::hold(std::chrono::milliseconds delay) {
  held_ = true;
  outbox_.pause_reading(true);
  hold_.set(delay, [this] {
    held_ = false;
    fault_was_met_ = true;
    receive({});
    if (!held_ && state_ != State::ended) outbox_.pause_reading(false);
  });
}

void MqttSession::suffer(const hub::FaultRule& rule, const mqtt::ClientPacket& packet) {
  using Action = hub::FaultRule::Action;
  const std::string reason = rule.reason();
  const auto* connect = std::get_if<mqtt::Connect>(&packet);
  const auto* publish = std::get_if<mqtt::Publish>(&packet);
  switch (rule.action) {
    case Action::drop:
      spdlog::info("mqtt {}: a packet is dropped by {}", peer_.connection_id, reason);
      return;
    case Action::cut:
      outbox_.abort(reason);
      return end(reason);
    case Action::duplicate:
      copies_ = 2;
      handle(packet);
      copies_ = 1;
      return;
    case Action::refuse_connection:
    case Action::throttle:
    case Action::status:
    case Action::delay:
      break;
  }
  if (connect != nullptr) return refuse(*connect, kServerUnavailable, reason);
  const int status = rule.answered_status();
  PublishTopic topic = ForeignTopic{};
  if (publish != nullptr && principal_) topic = parse_publish_topic(publish->topic, identity());
  const auto* get = std::get_if<TwinGetTopic>(&topic);
  const auto* patch = std::get_if<ReportedPatchTopic>(&topic);
  if (get == nullptr && patch == nullptr) return end(reason);
  if (publish->qos == 1) mqtt::encode_puback(outbox_.pending(), publish->packet_id);
  answer_twin_error(get != nullptr ? get->rid : patch->rid, "twin request",
                    {static_cast<hub::ErrorCode>(status * 1000), reason, {}, {}});
}

bool MqttSession::loses(std::string_view operation) {
  return hub_->fault_rules().loses("mqtt", identity().device.value, operation);
}

// ---- CONNECT ------------------------------------------------------------------------------------------------------

void MqttSession::handle_connect(const mqtt::Connect& connect) {
  if (connect.protocol_name == "MQTT" && connect.protocol_level == 5) {
    mqtt::encode_connack_v5_unsupported(outbox_.pending());
    return end("CONNECT refused: MQTT 5 is not spoken; use MQTT 3.1.1");
  }
  if (connect.protocol_name != "MQTT" || connect.protocol_level != 4) {
    return refuse(connect, kUnacceptableProtocol,
                  "protocol '" + shown(connect.protocol_name) + "' level " + std::to_string(connect.protocol_level) +
                      "; use MQTT 3.1.1 (level 4)");
  }
  if (connect.client_id.empty() && !connect.clean_session) {
    return refuse(connect, kIdentifierRejected, "the client id is empty and clean session is 0");
  }
  if (!connect.user_name) return refuse(connect, kNotAuthorized, "there is no user name");
  const std::optional<UserName> name = parse_user_name(*connect.user_name);
  if (!name) {
    return refuse(
        connect, kNotAuthorized,
        "the user name '" + shown(*connect.user_name) + "' is not {host}/{deviceId}[/{moduleId}]/?api-version=...");
  }
  if (connect.client_id != name->identity.name()) {
    return refuse(connect, kNotAuthorized,
                  "the client id '" + shown(connect.client_id) + "' is not '" + name->identity.name() +
                      "', which the user name names");
  }
  hub::Hub* hub = environment_.hubs.find(name->host);
  if (hub == nullptr) {
    return refuse(connect, kNotAuthorized, "no hub here is called '" + shown(name->host) + "'; see --host-name");
  }
  hub::DeviceCredentials credentials;
  if (connect.password) credentials.sas_token = as_text(*connect.password);
  if (peer_.certificate) credentials.certificate = &*peer_.certificate;
  hub::Result<hub::DevicePrincipal> principal = hub->auth().authenticate_device(name->identity, credentials);
  if (!principal)
    return refuse(connect, kNotAuthorized, "'" + name->identity.name() + "': " + principal.error().reason);

  if (const auto admitted = hub->throttle().admit(hub::Operation::connection); !admitted) {
    return refuse(connect, kServerUnavailable, "'" + name->identity.name() + "': " + admitted.error().message);
  }

  hub_ = hub;
  principal_ = std::move(*principal);
  state_ = State::connected;
  may_report_ = !name->api_version.empty();
  attachment_ = hub->links().attach(identity(), *this);
  const bool session_present = establish_session(identity(), connect.clean_session);
  if (!name->model_id.empty()) hub->twins().set_model_id(identity(), name->model_id);
  mqtt::encode_connack(outbox_.pending(), session_present, kAccepted);
  spdlog::info("mqtt {}: '{}' connected from {} (api-version {}, {} session, client {})", peer_.connection_id,
               identity().name(), peer_.remote_address, may_report_ ? shown(name->api_version) : "none",
               persistent_ ? "persistent" : "clean", name->client_type.empty() ? "unnamed" : shown(name->client_type));
  if (connect.will) keep_will(*connect.will);
  announce_subscriptions();

  if (connect.keep_alive != 0) {
    max_silence_ =
        std::min<std::chrono::milliseconds>(std::chrono::milliseconds{1500} * connect.keep_alive, kMaxSilence);
  }
  watch();
}

bool MqttSession::establish_session(const hub::Identity& self, bool clean_session) {
  persistent_ = !clean_session;
  const std::optional<std::string> kept = hub_->sessions().load(self);
  if (clean_session) {
    if (kept) hub_->sessions().remove(self);
    return false;
  }
  if (kept) {
    subscriptions_ = Subscriptions::from_text(*kept);
  } else {
    save_subscriptions();  // the session is known from now on, though nothing is subscribed yet
  }
  return kept.has_value();
}

void MqttSession::keep_will(const mqtt::Will& will) {
  PublishTopic topic = parse_publish_topic(will.topic, identity());
  TelemetryTopic* telemetry = std::get_if<TelemetryTopic>(&topic);
  if (telemetry == nullptr) {
    // Microsoft's open gateway looks at the will's topic only when it sends it, so the connection lives.
    spdlog::warn("mqtt {}: '{}' leaves a will for '{}', which is not its events topic: it will not be sent",
                 peer_.connection_id, identity().name(), shown(will.topic));
    return;
  }
  will_ =
      std::make_unique<Will>(Will{std::move(telemetry->properties), std::string(as_text(will.payload)), will.retain});
}

void MqttSession::refuse(const mqtt::Connect& connect, std::uint8_t return_code, std::string_view reason) {
  mqtt::encode_connack(outbox_.pending(), false, return_code);
  const std::optional<UserName> name = connect.user_name ? parse_user_name(*connect.user_name) : std::nullopt;
  if (hub::Hub* told = environment_.hubs.find_or_default(name ? name->host : std::string())) {
    told->refusals().note("mqtt", shown(connect.client_id), "connect", shown(reason));
  }
  end("CONNECT refused with " + std::to_string(return_code) + ": " + std::string(reason));
}

// ---- PUBLISH ------------------------------------------------------------------------------------------------------

void MqttSession::handle_publish(const mqtt::Publish& publish) {
  if (publish.qos == 2) return end("PUBLISH with QoS 2, which a hub does not take");
  const auto acknowledge = [&] {
    if (publish.qos == 1) mqtt::encode_puback(outbox_.pending(), publish.packet_id);
  };
  PublishTopic topic = parse_publish_topic(publish.topic, identity());
  std::visit(
      Overloaded{
          [&](TelemetryTopic& telemetry) {
            if (hub_->fault_injection() && inject_fault(telemetry.properties)) return;
            for (int copy = 1; copy < copies_; ++copy) {
              std::ignore = append_telemetry(telemetry.properties, as_text(publish.payload), publish.retain, false);
            }
            const auto appended =
                append_telemetry(std::move(telemetry.properties), as_text(publish.payload), publish.retain, false);
            if (!appended) {
              // Throttled and over the day's quota too: the hub disconnects (azure-docs #107838, sdk-java #1805).
              hub_->refusals().note("mqtt", identity().name(), "telemetry", appended.error());
              return end("telemetry refused: " + said(appended.error()));
            }
            acknowledge();
          },
          [&](const TwinGetTopic& get) {
            acknowledge();
            answer_twin_get(get.rid);
          },
          [&](const ReportedPatchTopic& patch) {
            acknowledge();
            answer_reported_patch(patch.rid, as_text(publish.payload));
          },
          [&](const MethodResponseTopic& response) {
            acknowledge();
            take_method_answer(response, as_text(publish.payload));
          },
          [&](const ForeignTopic& foreign) {
            hub_->refusals().note("mqtt", identity().name(), "publish to " + shown(publish.topic), foreign.reason);
            end("PUBLISH to '" + shown(publish.topic) + "' refused: " + foreign.reason);
          },
      },
      topic);
}

bool MqttSession::inject_fault(const PropertyBag& properties) {
  const hub::Result<std::optional<hub::Fault>> asked = hub::fault_of(properties.application);
  if (!asked) {
    end("fault refused: " + said(asked.error()));
    return true;
  }
  if (!*asked) return false;
  const hub::Fault& fault = **asked;
  switch (fault.type) {
    case hub::FaultType::kill_tcp:
    case hub::FaultType::shut_down_mqtt:
    case hub::FaultType::invoke_throttling:
    case hub::FaultType::invoke_max_message_quota:
    case hub::FaultType::invoke_auth_error:
      // A repeat that comes before the fault asks for the same one.
      fault_.set(fault.delay, [this, fault] { fall(fault); });
      return true;
    case hub::FaultType::kill_amqp_connection:
    case hub::FaultType::kill_amqp_session:
    case hub::FaultType::kill_amqp_cbs_link_request:
    case hub::FaultType::kill_amqp_cbs_link_response:
    case hub::FaultType::kill_amqp_d2c_link:
    case hub::FaultType::kill_amqp_c2d_link:
    case hub::FaultType::kill_amqp_twin_link_request:
    case hub::FaultType::kill_amqp_twin_link_response:
    case hub::FaultType::kill_amqp_method_link_request:
    case hub::FaultType::kill_amqp_method_link_response:
    case hub::FaultType::shut_down_amqp:
      break;
  }
  end("fault refused: " + std::string(name_of(fault.type)) + " is for AMQP connections");
  return true;
}

/// MQTT 3.1.1 has no packet for any of them: the connection ends, and the device may come back at once
/// (fault-injection.md 2).
void MqttSession::fall(const hub::Fault& fault) {
  if (state_ != State::connected) return;
  const std::string reason =
      "fault " + std::string(name_of(fault.type)) + " asked for by the device: " + shown(fault.reason);
  if (fault.type == hub::FaultType::kill_tcp) outbox_.abort(reason);
  end(reason);
}

hub::Result<void> MqttSession::append_telemetry(PropertyBag properties, std::string_view body, bool retain,
                                                bool is_will) {
  hub::Telemetry telemetry{std::move(properties.system), std::move(properties.application), body};
  // Documentation: Use MQTT to communicate with IoT Hub. The hub retains nothing; it tells that it was asked to.
  if (retain) telemetry.properties.emplace_back("mqtt-retain", "true");
  if (is_will) telemetry.properties.emplace_back("iothub-MessageType", "Will");
  return hub_->events().append(*principal_, telemetry);
}

// ---- twin ---------------------------------------------------------------------------------------------------------

void MqttSession::answer_twin_get(std::string_view rid) {
  hub_->links().touch(identity());
  // Whether a real hub answers a client that did not subscribe is unknown; its gateway's ancestor does not.
  const std::optional<int> qos = subscriptions_.granted(Subscription::twin_responses);
  if (!qos || !admit_twin(hub::Operation::twin_read, rid, "twin GET")) return;
  const hub::Result<hub::TwinView> view = hub_->twins().get(identity());
  if (!view) return answer_twin_error(rid, "twin GET", view.error());
  const std::string text = hub::device_twin_text(*view->twin);
  hub_->throttle().charge(text.size());
  send(twin_response_topic(200, rid, std::nullopt), text, *qos);
}

bool MqttSession::admit_twin(hub::Operation operation, std::string_view rid, std::string_view request) {
  const hub::Result<void> admitted = hub_->throttle().admit(operation);
  if (!admitted) answer_twin_error(rid, request, admitted.error());
  return admitted.has_value();
}

void MqttSession::answer_reported_patch(std::string_view rid, std::string_view payload) {
  constexpr std::string_view kRequest = "PATCH of reported properties";
  if (!may_report_) {
    return answer_twin_error(rid, kRequest,
                             hub::argument_invalid("BadRequest", "the user name of CONNECT names no api-version"));
  }
  if (!admit_twin(hub::Operation::twin_write, rid, kRequest)) return;
  const hub::Result<hub::Json> patch = hub::parse_json(payload);
  if (!patch) return answer_twin_error(rid, kRequest, patch.error());
  const hub::Result<std::int64_t> version = hub_->twins().patch_reported(identity(), *patch);
  if (!version) return answer_twin_error(rid, kRequest, version.error());
  hub_->throttle().charge(payload.size());
  if (const auto qos = subscriptions_.granted(Subscription::twin_responses)) {
    send(twin_response_topic(204, rid, *version), {}, *qos);
  }
}

void MqttSession::answer_twin_error(std::string_view rid, std::string_view request, const hub::HubError& error) {
  hub_->refusals().note("mqtt", identity().name(), request, error);
  spdlog::info("mqtt {}: '{}' {} refused with {}: {}", peer_.connection_id, identity().name(), request,
               static_cast<int>(error.code), shown(said(error)));
  if (const auto qos = subscriptions_.granted(Subscription::twin_responses)) {
    send(twin_response_topic(hub::http_status(error.code), rid, std::nullopt), error_object(*hub_, error), *qos);
  }
}

void MqttSession::desired_changed(const hub::DesiredChange& change) {
  if (state_ != State::connected || loses("desired")) return;
  if (const auto qos = subscriptions_.granted(Subscription::desired_patches)) {
    send(desired_patch_topic(change.version), change.payload, *qos);
  }
}

bool MqttSession::invoke_method(const hub::MethodRequest& request) {
  const auto qos = subscriptions_.granted(Subscription::method_requests);
  if (state_ != State::connected || !qos) return false;
  if (loses("method-request")) return true;
  send(method_request_topic(request.name, request.request_id), request.payload, *qos);
  return true;
}

void MqttSession::take_method_answer(const MethodResponseTopic& response, std::string_view payload) {
  if (hub_->methods().answer(identity(), response.rid, response.status, payload)) return;
  spdlog::info("mqtt {}: '{}' answers method request '{}', which nobody waits for", peer_.connection_id,
               identity().name(), shown(response.rid));
}

void MqttSession::send(std::string_view topic, std::string_view payload, int qos) {
  std::uint16_t packet_id = 0;
  if (qos > 0) {
    const std::optional<std::uint16_t> free_id = take_packet_id();
    if (!free_id) return stop("65535 messages wait for a PUBACK");
    packet_id = *free_id;
  }
  mqtt::encode_publish(outbox_.pending(), {.topic = topic, .payload = payload, .qos = qos, .packet_id = packet_id});
}

std::optional<std::uint16_t> MqttSession::take_packet_id(std::string lock_token) {
  if (in_flight_.size() == 65535) return std::nullopt;
  do {
    last_packet_id_ = last_packet_id_ == 65535 ? std::uint16_t{1} : static_cast<std::uint16_t>(last_packet_id_ + 1);
  } while (!in_flight_.try_emplace(last_packet_id_, std::move(lock_token)).second);
  return last_packet_id_;
}

// ---- cloud-to-device messages -------------------------------------------------------------------------------------

std::optional<int> MqttSession::c2d_qos() const {
  const auto devicebound = subscriptions_.granted(Subscription::devicebound);
  const auto module_messages = subscriptions_.granted(Subscription::module_messages);
  return devicebound && module_messages ? std::max(devicebound, module_messages)
                                        : (devicebound ? devicebound : module_messages);
}

hub::C2dLock MqttSession::c2d_lock() const {
  return c2d_qos() == 0 ? hub::C2dLock::none : hub::C2dLock::while_connected;
}

bool MqttSession::deliver_c2d(const hub::C2dMessage& message) {
  const std::optional<int> qos = c2d_qos();
  if (state_ != State::connected || !qos) return false;
  if (loses("c2d-delivery")) return true;
  const std::string topic = devicebound_topic(identity(), message);
  if (topic.size() > kMaxTopicBytes) {
    spdlog::warn("mqtt {}: message {} to '{}' waits: its properties do not fit an MQTT topic (65535 bytes)",
                 peer_.connection_id, message.sequence_number, identity().name());
    return false;
  }
  mqtt::OutgoingPublish publish{.topic = topic, .payload = message.body, .qos = *qos};
  if (*qos > 0) {
    const std::optional<std::uint16_t> packet_id = take_packet_id(message.lock_token);
    if (!packet_id) return false;
    publish.packet_id = *packet_id;
    publish.duplicate = message.redelivered;
  }
  mqtt::encode_publish(outbox_.pending(), publish);
  return true;
}

void MqttSession::handle_puback(std::uint16_t packet_id) {
  const auto acknowledged = in_flight_.extract(packet_id);
  if (acknowledged.empty() || acknowledged.mapped().empty()) return;
  const auto completed = hub_->c2d().complete(identity(), acknowledged.mapped());
  if (!completed) {
    spdlog::info("mqtt {}: '{}' acknowledges a message that has expired or was purged", peer_.connection_id,
                 identity().name());
  }
}

// ---- SUBSCRIBE ----------------------------------------------------------------------------------------------------

void MqttSession::handle_subscribe(const mqtt::Subscribe& subscribe) {
  Subscriptions wanted = subscriptions_;
  std::vector<std::uint8_t> granted;
  for (const mqtt::SubscribeFilter& filter : subscribe.filters) {
    const std::optional<Subscription> subscription = subscription_of(filter.filter, identity());
    if (!subscription) {
      hub_->refusals().note("mqtt", identity().name(), "subscribe to " + shown(filter.filter),
                            "not one of the hub's topics");
      return end("SUBSCRIBE to '" + shown(filter.filter) + "' refused: not one of the hub's topics of '" +
                 identity().name() + "'");
    }
    const int qos = std::min<int>(filter.qos, 1);
    wanted.grant(*subscription, qos);
    granted.push_back(static_cast<std::uint8_t>(qos));
  }
  if (wanted != subscriptions_) {
    subscriptions_ = wanted;
    if (persistent_) save_subscriptions();
  }
  mqtt::encode_suback(outbox_.pending(), subscribe.packet_id, granted);
  announce_subscriptions();
}

/// Calls and messages may be waiting for this link to take them, by a fresh subscription or by one kept from before.
void MqttSession::announce_subscriptions() {
  if (subscriptions_.granted(Subscription::method_requests)) hub_->methods().link_ready(identity());
  if (c2d_qos()) hub_->c2d().deliver(identity());
}

void MqttSession::handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe) {
  bool changed = false;
  for (const std::string_view filter : unsubscribe.filters) {
    // Unknown filters are let pass: MQTT bridges unsubscribe what they never had.
    if (const auto subscription = subscription_of(filter, identity())) changed |= subscriptions_.drop(*subscription);
  }
  if (changed && persistent_) save_subscriptions();
  mqtt::encode_unsuback(outbox_.pending(), unsubscribe.packet_id);
}

void MqttSession::save_subscriptions() {
  hub_->sessions().save(identity(), subscriptions_.to_text());
}

// ---- the end ------------------------------------------------------------------------------------------------------

/// Sets the timer for the nearer of keep-alive and token expiry. Packets do not move it: it looks again when it fires.
/// The hub's clock may be a virtual one, so a far expiry is looked at as often as the keep-alive.
void MqttSession::watch() {
  const Timestamp silent_at{last_packet_.ticks + max_silence_.count() * (Timestamp::kPerSecond / 1000)};
  std::chrono::milliseconds delay = std::min(hub::until(environment_.wall_clock.now(), silent_at), max_silence_);
  if (principal_->link_ends) delay = std::min(delay, hub::until(hub_->auth().now(), *principal_->link_ends));
  timer_.set(std::max(delay, std::chrono::milliseconds{1}), [this] { check_deadlines(); });
}

void MqttSession::check_deadlines() {
  if (principal_->link_ends && hub_->auth().now() >= *principal_->link_ends) return end("the SAS token has expired");
  if (hub::until(last_packet_, environment_.wall_clock.now()) >= max_silence_) {
    return end("no packet for " + std::to_string(max_silence_.count() / 1000) + " s (keep-alive)");
  }
  watch();
}

void MqttSession::stop(std::string_view reason) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  timer_.cancel();
  fault_.cancel();
  hold_.cancel();
  const std::string line = shown(reason);  // a reason may quote a token's decoded parts
  outbox_.close(line);
  if (principal_) {
    spdlog::info("mqtt {}: '{}' disconnected: {}", peer_.connection_id, identity().name(), line);
  } else {
    spdlog::info("mqtt {}: {} (from {})", peer_.connection_id, line, peer_.remote_address);
  }
}

void MqttSession::end(std::string_view reason) {
  stop(reason);
  attachment_.detach();
}

hub::LinkPeer MqttSession::peer() const {
  return {peer_.websocket ? "mqtt-ws" : "mqtt", peer_.remote_address, peer_.connection_id};
}

void MqttSession::close(hub::LinkEnd end_of_link) {
  // Microsoft's gateway ancestor sends the will on a take-over; an identity that is gone or disabled says nothing more.
  if (end_of_link != hub::LinkEnd::taken_over) will_.reset();
  stop(hub::to_string(end_of_link));
}

void MqttSession::commit_failed() {
  end("the writes of this turn could not be stored");
}

void MqttSession::closed(std::string_view reason) {
  end(reason);
  if (!will_) return;
  const std::unique_ptr<Will> will = std::move(will_);
  const auto appended = append_telemetry(std::move(will->properties), will->payload, will->retain, true);
  if (!appended) {
    spdlog::warn("mqtt {}: the will of '{}' is lost: {}", peer_.connection_id, identity().name(),
                 said(appended.error()));
  }
}

}  // namespace iothub::heads::mqtt_head
