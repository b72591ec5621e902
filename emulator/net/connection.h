#pragma once
/// One accepted connection: finds out what the client speaks, gives its bytes to a session, and writes the session's
/// answers after the turn's commit.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "emulator/heads/session.h"
#include "emulator/heads/wire.h"
#include "emulator/hub/listeners.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/first_bytes.h"
#include "emulator/net/listener.h"
#include "emulator/net/tls/server_context.h"
#include "emulator/net/transport.h"
#include "emulator/net/turn.h"
#include "protocol/websocket/frames.h"

namespace iothub::net {

class Connection;

/// Makes the session for Protocol::mqtt, http or amqp; all it is given outlives the session.
using MakeSession = std::function<std::unique_ptr<heads::Session>(Protocol, heads::Outbox&, const heads::Peer&,
                                                                  heads::SessionEnvironment&)>;

/// What the connections of a server share.
struct ConnectionContext {
  EventLoop& loop;
  const tls::ServerContext& tls;
  heads::SessionEnvironment environment;
  MakeSession make_session;
  std::unordered_set<std::shared_ptr<Connection>> open{};
  heads::OpenConnections::Openings opened{};
  std::string unframed{};   ///< what the frames of one read carried
  std::string discarded{};  ///< where sessions write that have no peer any more
};

/// Those who look at one connection.
struct WireLookers final : heads::WireTap {
  void packet(const heads::WirePacket& packet) override { packets.tell(packet); }

  hub::Listeners<const heads::WirePacket&> packets{};
  hub::Listeners<std::string_view> ends{};
  bool handling = false;  ///< the session is at work on what has come
};

class Connection final : public std::enable_shared_from_this<Connection>, public heads::Outbox, public TurnMember {
 public:
  /// TLS handshake, first bytes and first answered packet or request: who only connects costs memory.
  static constexpr std::chrono::seconds kFirstPacketTime{30};
  static constexpr std::chrono::seconds kHttpIdleTime{120};
  /// For each 256 KiB that an HTTP client has to take before they are written.
  static constexpr std::chrono::seconds kAnswerTime{30};
  static constexpr std::size_t kAnswerPart = std::size_t{256} * 1024;
  /// For a peer that takes its last bytes slowly, and for one that does not close its side.
  static constexpr std::chrono::seconds kLastWriteTime{5};
  static constexpr std::chrono::seconds kLingerTime{2};
  /// A peer that leaves more than this unread is not waited for.
  static constexpr std::size_t kMostUnsent = std::size_t{4} * 1024 * 1024;
  /// From here on nothing more is read from a peer that does not read itself.
  static constexpr std::size_t kUnsentThatPausesReading = std::size_t{256} * 1024;

  Connection(ConnectionContext& context, Socket socket, std::string id, std::string remote_address, PlainText plain);

  /// Joins the context's open connections and begins to read.
  void start();
  /// Ends the session and closes, without waiting for the peer. What is sealed has been written as far as the socket
  /// takes it.
  void stop();

  std::string& pending() override;
  void close(std::string_view reason) override;
  void abort(std::string_view reason) override { doom(std::string(reason)); }
  void pause_reading(bool pause) override;
  void become_websocket(heads::WebSocketProtocol inner, std::string rest) override;

  hub::Hub* hub() const override;
  bool speaks_http() const { return http_; }
  const heads::Peer& peer() const { return peer_; }
  /// Of its session; empty while it has none.
  std::string_view protocol() const;
  /// Null for HTTP, and where there is no session.
  std::unique_ptr<heads::WireLook> look(heads::OpenConnections::Looker looker);
  void turn_failed() override;
  void seal() override;
  void write_sealed() override;

 private:
  /// What the session asked for; done after the commit.
  struct Upgrade {
    heads::WebSocketProtocol inner;
    std::string rest;
  };

  /// Between the socket and the session: pending_ stays without frames, and gets one a turn on its way into out_.
  struct WebSocket {
    websocket::FrameReader reader;
    std::string answers{};  ///< Pongs, kept while the client does not take what it was sent
    bool close_sent = false;
  };

  enum class Stage { first_byte, handshake, first_bytes, open, lingering, closed };
  using Step = void (Connection::*)();

  void run(Step step);
  void wait_readable();
  void wait_writable();
  void read_soon();
  bool may_read() const;

  void on_readable();
  void on_writable();
  void peek();
  void shake_hands();
  void read();
  void deliver(std::span<const std::byte> bytes);
  void open_session(Protocol protocol, std::span<const std::byte> bytes);
  bool may_speak(Protocol protocol) const;
  void refuse(Protocol protocol);
  void receive(std::span<const std::byte> bytes);
  void receive_frames(std::span<const std::byte> bytes);
  void switch_to_websocket();
  void session_storage_failed();
  void note_handling(bool handling);

  void mark();
  void write_turn();
  void flush();
  std::size_t unsent() const { return out_.size() - sent_; }
  void take_pending();
  void take_pongs();

  void on_first_packet_deadline();
  void on_idle_deadline();
  void watch_answer(std::size_t written);
  void on_answer_deadline();
  void doom(std::string reason);
  void end_session(std::string_view reason);
  void finish_close();
  void linger();
  void transport_failed();
  void drop(std::string_view reason);

  ConnectionContext& context_;
  Transport transport_;
  heads::Peer peer_;
  std::unique_ptr<heads::Session> session_;
  hub::Timer deadline_;
  std::unique_ptr<Upgrade> upgrade_;
  std::unique_ptr<WebSocket> websocket_;
  std::shared_ptr<WireLookers> lookers_;  ///< null while nobody looks

  std::string first_bytes_;  ///< while they do not tell the protocol yet
  std::string pending_;      ///< of this turn, waits for the commit
  std::string out_;          ///< committed; from sent_ on it is unsent
  std::size_t sent_ = 0;
  std::size_t lingered_ = 0;
  std::string close_reason_;                               ///< set with closing_
  std::string doomed_reason_;                              ///< when not empty the turn's end aborts the connection
  std::chrono::steady_clock::time_point last_activity_{};  ///< kept for HTTP only

  Stage stage_ = Stage::first_byte;
  PlainText plain_ = PlainText::none;
  bool http_ = false;
  bool mqtt_ = false;
  bool marked_ = false;
  bool failed_ = false;             ///< turn_failed() has run since the last seal()
  bool answer_watched_ = false;     ///< deadline_ is that of an answer
  std::size_t answer_written_ = 0;  ///< since it was set
  bool answered_ = false;           ///< the session has said something
  bool closing_ = false;            ///< ends when all is written
  bool peer_ended_ = false;
  bool session_paused_ = false;
  bool backlogged_ = false;
  bool read_awaited_ = false;
  bool write_awaited_ = false;
  bool read_wants_write_ = false;  ///< TLS may want the other direction than the call's
  bool write_wants_read_ = false;
};

}  // namespace iothub::net
