#pragma once
/// The links of one device or module on one connection (amqp.md 2.4): telemetry, cloud-to-device messages, a module's
/// inputs, direct methods and the twin. Connected is who has one of them.
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/heads/amqp/link_address.h"
#include "emulator/heads/amqp/method_message.h"
#include "emulator/hub/auth.h"
#include "emulator/hub/device_link.h"
#include "emulator/hub/links.h"
#include "emulator/hub/throttle.h"
#include "protocol/amqp/engine.h"
#include "protocol/amqp/message.h"

namespace iothub::hub {
class Hub;
struct Fault;
}  // namespace iothub::hub

namespace iothub::heads::amqp_head {

class DeviceLinks final : public hub::DeviceLink {
 public:
  /// What a link is for, in the client's eyes: sent to, or received from. One of each.
  enum class Role : std::uint8_t {
    telemetry,
    c2d,
    inputs,  ///< a module's receiver on the events address
    method_requests,
    method_answers,
    twin_requests,
    twin_answers,  ///< with the notifications of desired properties
  };
  static constexpr std::size_t kRoles = 7;
  /// Nothing where the link has the wrong direction.
  static std::optional<Role> role_of(const LinkAddress& address, bool peer_receives);

  /// What the connection does for its devices.
  struct Carrier {
    std::function<void()> pushed;  ///< the hub has queued something
    hub::LinkPeer peer{};          ///< whom the connection is with
    /// The device asks for a fault on its connection: nothing accepts the wish, a condition rejects it.
    std::function<std::optional<amqp::Condition>(const hub::Identity&, const hub::Fault&)> ask_for;
  };

  /// Connects the identity: an older link of it, anywhere, ends. Hub, engine, `connection` (for the log) and carrier
  /// must outlive it.
  DeviceLinks(hub::Hub& hub, hub::DevicePrincipal principal, amqp::Engine& engine, const std::string& connection,
              const Carrier& carrier);
  DeviceLinks(const DeviceLinks&) = delete;
  DeviceLinks& operator=(const DeviceLinks&) = delete;
  ~DeviceLinks() override;

  const hub::Identity& identity() const { return principal_.identity; }
  /// By a certificate, which does not expire while it is used, not by a token.
  bool without_token() const { return !principal_.link_ends; }
  /// It has no links, and gets none any more.
  bool ended() const { return ended_; }
  bool holds(amqp::LinkId link) const { return role_of(link).has_value(); }
  /// Answers wait for send_answers().
  bool has_answers() const { return !twin_answers_.empty(); }

  /// Accepts. A link that has the role already is detached as stolen.
  void attach(const amqp::Attach& attach, Role role);
  std::optional<amqp::Condition> message(amqp::LinkId link, std::string_view bytes);
  /// Answers a twin request with an error; false when the message is none.
  bool refuse_twin_request(amqp::LinkId link, std::string_view bytes, const hub::HubError& error);
  /// What a message on the link is to a fault rule.
  std::string_view operation_of(amqp::LinkId link) const;
  void credit(amqp::LinkId link);
  std::optional<amqp::Condition> settled(amqp::LinkId link, std::string_view tag, amqp::Outcome outcome);
  void detached(amqp::LinkId link);
  std::optional<amqp::LinkId> link_of(Role role) const { return links_[static_cast<std::size_t>(role)]; }
  /// Answers of the twin, as far as the peer's credit goes. Not inside message(): Java wants the disposition of its
  /// request first.
  void send_answers();
  /// Detaches every link; the hub shows the identity disconnected.
  void end(const amqp::Condition& condition, std::string_view reason);

  void desired_changed(const hub::DesiredChange& change) override;
  bool invoke_method(const hub::MethodRequest& request) override;
  bool deliver_c2d(const hub::C2dMessage& message) override;
  void close(hub::LinkEnd end) override;
  hub::LinkPeer peer() const override { return carrier_.peer; }

 private:
  std::optional<Role> role_of(amqp::LinkId link) const;
  /// A fault rule takes what the hub would push.
  bool loses(std::string_view operation);
  std::optional<amqp::LinkId>& link(Role role) { return links_[static_cast<std::size_t>(role)]; }
  std::optional<amqp::LinkId> with_credit(Role role) const;
  void gone(Role role);
  void detach_all(const amqp::Condition& condition, std::string_view reason);

  /// Sees each telemetry message as it came: a batch as its envelope.
  std::optional<amqp::Condition> take_telemetry(const amqp::Message& envelope);
  std::optional<amqp::Condition> take_method_answer(const amqp::Message& answer);
  std::optional<amqp::Condition> take_twin_request(const amqp::Message& request);
  void answer_twin(const amqp::Message& request);
  /// Whether the throttles of the hub's tier let it through; else it is answered.
  bool admit_twin(hub::Operation operation, const amqp::Message& request);
  void answer_twin_error(const amqp::Message& request, const hub::HubError& error);
  std::optional<amqp::Condition> decode_error(Role role) const;

  hub::Hub& hub_;
  hub::DevicePrincipal principal_;
  amqp::Engine& engine_;
  const std::string& connection_;
  const Carrier& carrier_;
  MethodCorrelation methods_;
  std::array<std::optional<amqp::LinkId>, kRoles> links_;
  std::deque<std::string> twin_answers_;
  bool wants_desired_ = false;  ///< it has subscribed to the notifications of desired properties
  bool ended_ = false;
  hub::Links::Attachment attachment_;
};

}  // namespace iothub::heads::amqp_head
