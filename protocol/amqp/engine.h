#pragma once
/// One AMQP 1.0 connection, server side, without sockets: bytes in, bytes out, and calls to a handler for what a peer
/// does. Qpid Proton's C engine does the protocol; its gaps are filled here (SASL mechanisms, full performatives).
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/amqp/frame_normaliser.h"
#include "protocol/amqp/value.h"

struct pn_connection_driver_t;
struct pn_delivery_t;
struct pn_event_t;
struct pn_link_t;
struct pn_session_t;
struct pn_transport_t;

namespace iothub::amqp {

/// Never used twice in a connection.
using LinkId = std::uint64_t;

/// A message that the peer has sent; never used twice in a connection.
using DeliveryId = std::uint64_t;

/// An error condition with what explains it (AMQP 1.0, 2.8.14).
struct Condition {
  std::string name;  ///< `amqp:not-found`
  std::string description;
  Map info{};
};

/// A peer's wish for a link.
struct Attach {
  LinkId link = 0;
  std::uint64_t session = 0;
  bool peer_receives = false;
  std::string name;
  std::string source;
  std::string target;
  Map properties;
  Map filter;  ///< of the source
};

enum class Outcome { none, accepted, rejected, released };

class EngineHandler {
 public:
  virtual ~EngineHandler() = default;
  /// The peer has said which host it wants; close() refuses.
  virtual void opened(std::string_view hostname) = 0;
  /// PLAIN's name and password.
  virtual bool authenticate_plain(std::string_view name, std::string_view password) = 0;
  /// EXTERNAL: what TLS knows of the peer.
  virtual bool authenticate_external() = 0;
  /// Answers with accept() or refuse(), at once.
  virtual void attached(const Attach& attach) = 0;
  /// A whole message of a link the peer sends on: nothing accepts it, a condition rejects it.
  virtual std::optional<Condition> message(LinkId link, std::string_view bytes) = 0;
  /// Asked before message(). True: message() is not called, and answer() says later what becomes of it, or nobody does.
  virtual bool holds(LinkId /*link*/, DeliveryId /*delivery*/, std::string_view /*bytes*/) { return false; }
  /// There is new credit, or the session has room again.
  virtual void credit(LinkId link) = 0;
  /// The peer has settled a delivery of ours: none when it did so without an outcome. A condition answers that it came
  /// too late.
  virtual std::optional<Condition> settled(LinkId link, std::string_view tag, Outcome outcome) = 0;
  /// The peer has let go of a link, alone or with its session; its deliveries are gone.
  virtual void detached(LinkId link) = 0;
};

class Engine {
 public:
  explicit Engine(EngineHandler& handler);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// Takes bytes and calls the handler; its answers wait for write().
  void receive(std::span<const std::byte> bytes);
  /// Appends what is to be sent. Not from inside a handler's call.
  void write(std::string& out);
  /// Keeps both sides' idle time-outs; write() afterwards. Returns when to call it again.
  std::optional<std::int64_t> tick(std::int64_t now_milliseconds);
  /// Nothing will be sent or taken any more.
  bool finished() const;
  /// The peer has proved who it is: from here on only what a session may hold bounds it.
  void trust();
  bool trusted() const { return trusted_; }
  /// A peer that was not trusted has sent or opened more than one needs to put its token. The rest of its bytes is not
  /// looked at.
  bool overfull() const { return overfull_; }
  /// Why, when the peer or the engine gave a reason.
  std::string end_reason() const;

  void accept(const Attach& attach);
  /// An attach without source and target, then a detach that closes with the condition.
  void refuse(LinkId link, const Condition& condition);
  /// As refuse(), after an attach that looks accepted: clients read a redirect only so.
  void redirect(const Attach& attach, const Condition& condition);

  /// As message() would have; nothing for a delivery whose link is gone.
  void answer(DeliveryId delivery, const std::optional<Condition>& refusal);

  int credit(LinkId link) const;
  /// Bytes of its session that wait in the engine.
  std::size_t waiting_bytes(LinkId link) const;
  /// With a tag of 16 bytes: a delivery that the peer settles. Without: settled by us.
  void send(LinkId link, std::string_view message, std::string_view tag = {});
  void detach(LinkId link, const Condition& condition);
  /// Ends the link's session; the handler hears detached() of each of its links.
  void end_session(LinkId link, const Condition& condition);
  /// Detaches the links and ends the sessions first, as Microsoft's own library does (azure-amqp, AmqpConnection):
  /// Node's azure-iot-amqp-base 2.5 detaches its links itself otherwise, and waits 45 s for answers that cannot come
  /// after a close. The handler hears detached() of each link.
  void close(const Condition& condition);

 private:
  struct Sasl;
  /// How many bytes Proton may have at once: whole frames, and an `end` or one of SASL only as the first of them.
  /// Proton forgets a session's channel with its end, and a begin that is not written by then would answer none. 0:
  /// wait for more.
  std::size_t next_piece(std::string_view rest);
  /// Ends the connection with amqp:connection:framing-error.
  void fail(const char* why);
  void take_output(std::string& out);
  /// Counts what a peer has sent that has proved nothing, frame by frame.
  void watch(std::string_view bytes);
  /// Whether a session or link more is open to it.
  bool may_open();
  void handle_events();
  void handle(pn_event_t* event);
  void remote_attach(pn_link_t* link);
  void open_and_close(pn_link_t* link, const Condition& condition);
  void delivery(pn_delivery_t* delivery);
  void receive_delivery(pn_link_t* link, pn_delivery_t* delivery);
  /// Of the deliveries that are on the way by them.
  template <typename OfLink>
  void forget_deliveries(OfLink of_link);
  void flow(pn_link_t* link);
  void forget(pn_link_t* link);
  void forget_session(pn_session_t* session);
  pn_link_t* find(LinkId link) const;

  EngineHandler& handler_;
  std::unique_ptr<pn_connection_driver_t> driver_;
  FrameNormaliser normaliser_;
  std::string input_;
  std::size_t piece_ = 0;  ///< of input_, for Proton to take
  bool in_step_ = true;    ///< input_ began as frames do
  /// A client needs one SASL frame here: no mechanism asks back. Proton would take a second `sasl-init` at any time,
  /// and never free the mechanism that the first one named.
  bool sasl_seen_ = false;
  std::string output_;  ///< that was taken from Proton before a session's end
  std::string user_;    ///< Proton keeps the pointer
  std::map<LinkId, pn_link_t*> links_;
  std::map<pn_delivery_t*, std::string> partial_;
  std::vector<std::pair<DeliveryId, pn_delivery_t*>> held_;  ///< that have no answer yet, oldest first
  DeliveryId last_delivery_ = 0;
  LinkId last_link_ = 0;
  std::uint64_t last_tag_ = 0;
  // Of a peer that is not trusted yet:
  std::size_t untrusted_bytes_ = 0;
  std::size_t untrusted_endpoints_ = 0;  ///< sessions and links
  std::size_t frame_left_ = 0;
  std::size_t frame_header_filled_ = 0;
  std::uint32_t frame_size_ = 0;
  bool trusted_ = false;
  bool overfull_ = false;
};

}  // namespace iothub::amqp
