#pragma once
/// The seam between the network and the protocol heads: a session is sans-IO, an outbox is its way back to the socket.
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emulator/hub/auth.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/directory.h"

namespace iothub::heads {

class HttpService;
class WireTap;

/// What a WebSocket carries.
enum class WebSocketProtocol { mqtt, amqp };

/// Where a session writes. Nothing leaves before the loop turn's commit: what is queued when a commit fails is dropped.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// Marks the connection for this turn's write and returns its buffer, to append to.
  virtual std::string& pending() = 0;
  /// Closes once everything queued so far is committed and written. Later appends are dropped. Safe to call twice, and
  /// from inside Session calls: the session is destroyed later, never inside the call.
  virtual void close(std::string_view reason) = 0;
  /// Closes at the end of the turn without sending anything more, as when a network is cut.
  virtual void abort(std::string_view reason) = 0;
  /// Stops (true) or resumes (false) reading from the socket: for a session that waits before it takes more.
  virtual void pause_reading(bool pause) = 0;
  /// The connection turns into a WebSocket once everything queued so far, the answer 101 at its end, is committed. This
  /// session ends then, and one of `inner` takes over; `rest` is what the client sent after its request.
  virtual void become_websocket(WebSocketProtocol inner, std::string rest) = 0;
};

/// What a session may know of its connection.
struct Peer {
  std::string connection_id;  ///< for the log
  std::string remote_address;
  bool secure = true;
  bool websocket = false;
  bool portal = false;  ///< came to the port of the portal and the control API: nothing else is served there
  std::optional<hub::ClientCertificate> certificate{};
};

/// What net gives each session. All outlive it.
struct SessionEnvironment {
  hub::HubDirectory& hubs;
  /// Real time: keep-alive, time-outs of a connection. A hub's own times come from its clock.
  hub::Scheduler& scheduler;
  const hub::Clock& wall_clock;
  HttpService* control = nullptr;  ///< answers `/_emulator/...`; null: 404
};

/// Read at once from one who has not shown yet that he may do anything here: what is read may have to wait in memory.
inline constexpr std::size_t kReadOfStranger = std::size_t{2} * 1024;

class Session {
 public:
  virtual ~Session() = default;
  /// More is not given to receive() in one call.
  virtual std::size_t most_at_once() const { return std::size_t{64} * 1024; }
  /// Takes bytes in the order they came; keeps what is incomplete itself.
  virtual void receive(std::span<const std::byte> bytes) = 0;
  /// The peer is gone, or this side closed; called once, before destruction, with why. Nothing can be sent any more.
  virtual void closed(std::string_view reason) = 0;
  /// The turn's commit failed and what this session queued in it was dropped: answer so (HTTP 500) or close. Called
  /// after the roll-back; what it appends is sent without a commit.
  virtual void commit_failed() = 0;
  /// The peer has taken all that was queued: for a session that holds back because of that. It queues nothing inside
  /// the call.
  virtual void written() {}
  /// The peer sends nothing more; it may still read. True: the session is at work on a last answer, and closes the
  /// connection behind it. False: the connection closes once what is queued is written.
  virtual bool finishes_alone() { return false; }
  /// While it is, a peer that says nothing is not idle: it waits for this side.
  virtual bool is_at_work() const { return false; }
  /// From now on `tap` is told each packet that is received, before it is handled; null: no longer. It outlives the
  /// session, or is taken away before. HTTP has none.
  virtual void tap(WireTap*) {}
  /// Tells `tap` what `bytes` are, which this session has queued, whole packets all, and which leave now.
  virtual void tell_sent(std::span<const std::byte>, WireTap&) {}
  /// The hub this session speaks to, once known: its commit decides.
  virtual hub::Hub* hub() const = 0;
};

}  // namespace iothub::heads
