#pragma once
/// A non-blocking TLS client on epoll, inside a WebSocket where the endpoint says so: as little of its own as possible,
/// so that the server is what is measured.
#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/target.h"
#include "bench/websocket.h"

namespace iothub::bench {

class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Waits for events once, `wait` at most, and hands them to their connections.
  void poll(std::chrono::milliseconds wait);
  void run_for(std::chrono::duration<double> duration);
  /// Polls until `done`. Throws std::runtime_error naming `what` when that takes longer than `limit`.
  void run_until(const std::function<bool()>& done, std::chrono::seconds limit, std::string_view what);

  int descriptor() const { return epoll_; }

 private:
  int epoll_;
};

/// Must outlive the loop's current poll().
class Connection {
 public:
  Connection(EventLoop& loop, Endpoint endpoint) : loop_(loop), endpoint_(std::move(endpoint)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() { close(); }

  /// Starts connecting; a closed connection may be opened again, not from inside its own callbacks.
  void open();
  /// Without a word to the server and without lost().
  void close();
  bool is_open() const { return state_ == State::open && (!websocket_ || websocket_->is_open()); }
  std::int64_t open_started_ns() const { return open_started_ns_; }

  /// Sends in one write of its own.
  void send(std::string_view bytes);

 protected:
  /// Sent together with what else is queued once received() returns.
  void queue(std::string_view bytes);
  /// Closes and tells lost().
  void fail(const std::string& reason);

  virtual void opened() = 0;
  virtual void received(std::string_view bytes) = 0;
  virtual void lost(const std::string& reason) = 0;

 private:
  friend class EventLoop;
  enum class State { closed, connecting, handshaking, open };

  void ready(std::uint32_t events);
  void finish_connect(std::uint32_t events);
  void handshake();
  void read();
  void read_websocket(std::string_view bytes);
  void flush();
  void watch_writable(bool on);

  EventLoop& loop_;
  const Endpoint endpoint_;
  State state_ = State::closed;
  int socket_ = -1;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, &SSL_free};
  std::optional<WebSocket> websocket_;
  std::string outgoing_;
  std::size_t written_ = 0;  ///< of outgoing_
  bool watches_writable_ = false;
  std::int64_t open_started_ns_ = 0;
};

}  // namespace iothub::bench
