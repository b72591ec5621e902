#pragma once
/// One MQTT 3.1.1 connection of a device or module (documentation: Use MQTT to communicate with IoT Hub; corrections.md
/// 5).
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/heads/mqtt/subscriptions.h"
#include "emulator/heads/mqtt/topics.h"
#include "emulator/heads/session.h"
#include "emulator/hub/device_link.h"
#include "emulator/hub/fault_injection.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/throttle.h"
#include "protocol/mqtt/decode.h"
#include "protocol/mqtt/packet.h"

namespace iothub::heads::mqtt_head {

/// From the first byte to CONNECT (documentation: 30 s).
inline constexpr std::chrono::seconds kConnectTimeout{30};
/// The longest silence, whatever keep-alive a client asks for; also what a keep-alive of 0 means (documentation: 29.45
/// min).
inline constexpr std::chrono::seconds kMaxSilence{1767};

/// Speaks for one identity: awaits CONNECT, then turns packets into hub calls and the hub's notifications into packets,
/// until either side ends it. Every refusal and every end is one line in the log.
class MqttSession final : public Session, public hub::DeviceLink {
 public:
  /// All three must outlive the session.
  MqttSession(const SessionEnvironment& environment, const Peer& peer, Outbox& outbox);
  MqttSession(const MqttSession&) = delete;
  MqttSession& operator=(const MqttSession&) = delete;
  ~MqttSession() override;

  void receive(std::span<const std::byte> bytes) override;
  /// Publishes the will, unless the client said DISCONNECT or the hub ended the identity: writes of the turn that calls
  /// it.
  void closed(std::string_view reason) override;
  void commit_failed() override;
  void tap(WireTap* tap) override { tap_ = tap; }
  void tell_sent(std::span<const std::byte> bytes, WireTap& tap) override;
  hub::Hub* hub() const override { return hub_; }

  void desired_changed(const hub::DesiredChange& change) override;
  bool invoke_method(const hub::MethodRequest& request) override;
  bool deliver_c2d(const hub::C2dMessage& message) override;
  /// A silent but connected device gets nothing twice: MQTT 3.1.1 sends again on the next connection only.
  hub::C2dLock c2d_lock() const override;
  hub::LinkPeer peer() const override;
  void close(hub::LinkEnd end) override;

 private:
  enum class State : std::uint8_t { awaiting_connect, connected, ended };

  /// The message a client leaves for the case that it vanishes.
  struct Will {
    PropertyBag properties;
    std::string payload;
    bool retain = false;
  };

  /// Handles every whole packet at the front; returns how many bytes they took.
  std::size_t consume(std::span<const std::byte> bytes);
  void handle(const mqtt::ClientPacket& packet);
  /// The rule of the control API that strikes this packet; null mostly.
  const hub::FaultRule* strike(const mqtt::ClientPacket& packet) const;
  /// Nothing more is handled until the delay is over: packets keep their order.
  void hold(std::chrono::milliseconds delay);
  void suffer(const hub::FaultRule& rule, const mqtt::ClientPacket& packet);
  /// Whether a rule takes away what goes to the device.
  bool loses(std::string_view operation);

  void handle_connect(const mqtt::Connect& connect);
  bool establish_session(const hub::Identity& identity, bool clean_session);
  void keep_will(const mqtt::Will& will);
  void handle_publish(const mqtt::Publish& publish);
  void handle_subscribe(const mqtt::Subscribe& subscribe);
  void announce_subscriptions();
  void take_method_answer(const MethodResponseTopic& response, std::string_view payload);
  void handle_puback(std::uint16_t packet_id);
  void handle_unsubscribe(const mqtt::Unsubscribe& unsubscribe);

  /// True when the message asked for a fault: then it is neither stored nor acknowledged.
  bool inject_fault(const PropertyBag& properties);
  void fall(const hub::Fault& fault);
  hub::Result<void> append_telemetry(PropertyBag properties, std::string_view body, bool retain, bool is_will);
  void answer_twin_get(std::string_view rid);
  /// Whether the throttles of the hub's tier let a twin request through; else it is answered with 429 or 403.
  bool admit_twin(hub::Operation operation, std::string_view rid, std::string_view request);
  void answer_reported_patch(std::string_view rid, std::string_view payload);
  void answer_twin_error(std::string_view rid, std::string_view request, const hub::HubError& error);
  void send(std::string_view topic, std::string_view payload, int qos);
  std::optional<std::uint16_t> take_packet_id(std::string lock_token = {});
  std::optional<int> c2d_qos() const;
  void save_subscriptions();

  void watch();
  void check_deadlines();
  /// Answers CONNECT with a return code other than 0 and closes.
  void refuse(const mqtt::Connect& connect, std::uint8_t return_code, std::string_view reason);
  /// Closes without touching the hub: what a DeviceLink call may do.
  void stop(std::string_view reason);
  /// stop(), and the hub shows the identity disconnected at once.
  void end(std::string_view reason);
  const hub::Identity& identity() const { return principal_->identity; }

  const SessionEnvironment& environment_;
  const Peer& peer_;
  Outbox& outbox_;
  hub::Hub* hub_ = nullptr;
  WireTap* tap_ = nullptr;                         ///< mostly
  std::optional<hub::DevicePrincipal> principal_;  ///< set while and after connected
  hub::Links::Attachment attachment_;
  std::unique_ptr<Will> will_;
  std::string partial_;  ///< the beginning of a packet; holds no memory when empty
  /// Packet ids of our PUBLISHes that wait for a PUBACK, with the lock token of a cloud-to-device message.
  std::map<std::uint16_t, std::string> in_flight_;
  hub::Timer timer_;  ///< the CONNECT time-out, then the next of keep-alive and token expiry
  hub::Timer fault_;  ///< a fault that the device asked for, after its delay
  hub::Timer hold_;   ///< the end of a delay that a rule asked for
  Timestamp last_packet_;
  std::chrono::milliseconds max_silence_{kMaxSilence};
  std::uint16_t last_packet_id_ = 0;
  Subscriptions subscriptions_;
  State state_ = State::awaiting_connect;
  bool held_ = false;           ///< a packet at the front of partial_ waits for hold_
  bool fault_was_met_ = false;  ///< the next packet has had its delay
  int copies_ = 1;              ///< of telemetry: two under a rule `duplicate`
  bool persistent_ = false;     ///< connected with clean session 0: subscriptions outlive the connection
  bool may_report_ = false;     ///< named an api-version; without one reported patches are refused
};

}  // namespace iothub::heads::mqtt_head
