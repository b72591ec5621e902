#pragma once
/// One AMQP 1.0 connection: tokens by SASL PLAIN or `$cbs`, then links by their addresses (amqp.md part 2).
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/heads/amqp/cbs.h"
#include "emulator/heads/amqp/devices.h"
#include "emulator/heads/amqp/link_address.h"
#include "emulator/heads/amqp/rule_faults.h"
#include "emulator/heads/amqp/wire_frames.h"
#include "emulator/heads/session.h"
#include "emulator/hub/event_reader.h"
#include "emulator/hub/fault_injection.h"
#include "emulator/hub/feedback.h"
#include "emulator/hub/file_notifications.h"
#include "emulator/hub/hub.h"
#include "protocol/amqp/engine.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

/// A client that has not proved who it is this long after its first byte is let go: by a token, or by `open` after a
/// TLS handshake with a certificate, whose device attaches its links when it first needs one (Node).
inline constexpr std::chrono::seconds kProofTime{30};

/// Serves a connection of devices, service and Event Hubs clients. Every refusal is one line in the log. What is sent
/// is bounded: readers of events wait for their peer.
class AmqpSession final : public Session, private amqp::EngineHandler {
 public:
  /// All three must outlive the session.
  AmqpSession(const SessionEnvironment& environment, const Peer& peer, Outbox& outbox);
  AmqpSession(const AmqpSession&) = delete;
  AmqpSession& operator=(const AmqpSession&) = delete;
  ~AmqpSession() override;

  std::size_t most_at_once() const override { return engine_.trusted() ? Session::most_at_once() : kReadOfStranger; }
  void receive(std::span<const std::byte> bytes) override;
  void closed(std::string_view reason) override;
  void commit_failed() override;
  void written() override;
  void tap(WireTap* tap) override;
  void tell_sent(std::span<const std::byte> bytes, WireTap& tap) override;
  hub::Hub* hub() const override { return hub_; }

 private:
  /// Reads a partition for a receiver.
  struct Reader {
    int partition = 0;
    std::int64_t next = 0;
    hub::EventReader::Claim claim;
  };
  struct Link {
    LinkAddress address;
    std::uint64_t session = 0;
    bool peer_receives = false;
    std::string target;
    std::deque<std::string> answers;  ///< that wait for credit
    std::optional<Reader> reader;
  };

  void opened(std::string_view hostname) override;
  bool authenticate_plain(std::string_view name, std::string_view password) override;
  bool authenticate_external() override;
  void attached(const amqp::Attach& attach) override;
  std::optional<amqp::Condition> message(amqp::LinkId link, std::string_view bytes) override;
  bool holds(amqp::LinkId link, amqp::DeliveryId delivery, std::string_view bytes) override;
  void credit(amqp::LinkId link) override;
  std::optional<amqp::Condition> settled(amqp::LinkId link, std::string_view tag, amqp::Outcome outcome) override;
  void detached(amqp::LinkId link) override;

  void attach_device(const amqp::Attach& attach, const LinkAddress& address);
  void attach_reader(const amqp::Attach& attach, Link link);
  void end_reader(amqp::LinkId id, hub::ClaimEnd how);
  void redirect_to_event_hub(const amqp::Attach& attach, const LinkAddress& address);
  std::optional<amqp::Condition> authorize(const Link& link) const;
  void refuse(const amqp::Attach& attach, const amqp::Condition& condition, std::string_view why);
  std::optional<amqp::Condition> take_request(const Link& link, std::string_view bytes);
  void answer(const Link& request_link, const amqp::Message& request, const amqp::Message& answer);

  std::optional<amqp::Condition> send_c2d(std::string_view bytes);
  /// As many batches as the peer's credit takes.
  void send_feedback(amqp::LinkId id);

  void send_answers(amqp::LinkId id, Link& link);
  void read_events(amqp::LinkId id, Link& link);
  void serve_receivers();
  void wake();
  /// By a token or a certificate that the hub knows.
  void proved();
  /// Ends the connection, also where the peer does not answer the close.
  void let_go(const amqp::Condition& condition);
  void expire_claims();
  void end_expired();
  /// A device asks for a fault: it comes after its delay, once the wish has been accepted (fault-injection.md 2).
  std::optional<amqp::Condition> ask_for(const hub::Identity& identity, const hub::Fault& fault);
  void befall(const hub::Identity& identity, const hub::Fault& fault);
  void detach_cbs(bool peer_receives, const amqp::Condition& condition);
  /// Hands what the engine wants to send to the outbox, and sets the timer of its next tick.
  void flush();
  /// A device's link has queued something inside a hub call, which the engine's own calls must not re-enter.
  void pushed();

  const SessionEnvironment& environment_;
  const Peer& peer_;
  Outbox& outbox_;
  hub::Hub* hub_ = nullptr;
  WireTap* tap_ = nullptr;                   ///< mostly
  std::unique_ptr<WireFrames> wire_frames_;  ///< with tap_
  hub::Hub* plain_hub_ = nullptr;            ///< the hub that a PLAIN token is for
  Claims claims_;
  amqp::Engine engine_;
  std::map<amqp::LinkId, Link> links_;  ///< all but the devices'
  Devices devices_;
  RuleFaults rule_faults_;
  hub::Events::Listener appended_;
  std::optional<hub::Feedback::Listener> feedback_available_;
  std::optional<hub::FileNotifications::Listener> file_notification_available_;
  hub::Timer wake_;
  hub::Timer tick_;
  hub::Timer expiry_;
  hub::Timer proof_;
  /// Faults that devices have asked for, after their delay; a newer one of the same device replaces it.
  std::unordered_map<hub::Identity, std::unique_ptr<hub::Timer>, hub::IdentityHash> faults_;
  std::size_t queued_ = 0;         ///< bytes given to the outbox since the peer had taken all
  bool session_was_full_ = false;  ///< a reader of events waits for room in its session
  bool inside_ = false;            ///< the engine is calling
  bool pushing_ = false;           ///< a hub call is on the stack
  bool ended_ = false;
};

}  // namespace iothub::heads::amqp_head
