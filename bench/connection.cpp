#include "bench/connection.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "bench/cost.h"

namespace iothub::bench {
namespace {

constexpr std::size_t kTlsRecordBytes = 16 * 1024;

}  // namespace

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

EventLoop::~EventLoop() {
  ::close(epoll_);
}

void EventLoop::poll(std::chrono::milliseconds wait) {
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<Connection*>(event.data.ptr)->ready(event.events);
  }
}

void EventLoop::run_for(std::chrono::duration<double> duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) poll(std::chrono::milliseconds(10));
}

void EventLoop::run_until(const std::function<bool()>& done, std::chrono::seconds limit, std::string_view what) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("timed out: " + std::string(what));
    poll(std::chrono::milliseconds(100));
  }
}

void Connection::open() {
  open_started_ns_ = now_ns();
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  state_ = State::connecting;
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&endpoint_.address), sizeof endpoint_.address) < 0 &&
      errno != EINPROGRESS) {
    fail(std::string("connect: ") + std::strerror(errno));
    return;
  }
  watches_writable_ = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = this;
  epoll_ctl(loop_.descriptor(), EPOLL_CTL_ADD, socket_, &event);
}

void Connection::close() {
  if (ssl_) {
    SSL_set_quiet_shutdown(ssl_.get(), 1);
    ssl_.reset();
  }
  websocket_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  state_ = State::closed;
  outgoing_.clear();
  written_ = 0;
}

void Connection::fail(const std::string& reason) {
  if (state_ == State::closed) return;
  close();
  lost(reason);
}

void Connection::send(std::string_view bytes) {
  queue(bytes);
  flush();
}

void Connection::queue(std::string_view bytes) {
  if (websocket_) {
    WebSocket::wrap(bytes, outgoing_);
  } else {
    outgoing_ += bytes;
  }
}

void Connection::ready(std::uint32_t events) {
  switch (state_) {
    case State::closed:
      return;  // closed by an earlier event of the same poll
    case State::connecting:
      finish_connect(events);
      return;
    case State::handshaking:
      handshake();
      return;
    case State::open:
      if ((events & EPOLLOUT) != 0) flush();
      if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
      return;
  }
}

void Connection::finish_connect(std::uint32_t events) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    fail(std::string("connect: ") + std::strerror(error));
    return;
  }
  if ((events & EPOLLOUT) == 0) return;
  ssl_.reset(SSL_new(endpoint_.tls));
  SSL_set_fd(ssl_.get(), socket_);
  // SSL_set_tlsext_host_name, which is a macro with a C cast.
  SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(endpoint_.host_name.c_str()));
  state_ = State::handshaking;
  handshake();
}

void Connection::handshake() {
  const int result = SSL_connect(ssl_.get());
  if (result == 1) {
    state_ = State::open;
    watch_writable(false);
    if (endpoint_.websocket_path.empty()) {
      opened();
    } else {
      outgoing_ = WebSocket::upgrade(endpoint_.host_name, endpoint_.websocket_path);
      websocket_.emplace();
      flush();
    }
    return;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      watch_writable(false);
      return;
    case SSL_ERROR_WANT_WRITE:
      watch_writable(true);
      return;
    default: {
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      ERR_clear_error();
      fail(std::string("TLS handshake: ") + (reason != nullptr ? reason : "closed by the server"));
    }
  }
}

void Connection::read() {
  static std::array<char, kTlsRecordBytes> buffer;
  // With read-ahead OpenSSL may hold whole records of which epoll knows nothing: only "want read" means none is left.
  while (state_ == State::open) {
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
    if (result != 1) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
      // A reset is no orderly end: a server that was killed, or that closed while it was sent something.
      const bool reset = error == SSL_ERROR_SYSCALL && errno != 0;
      const std::string reason = reset ? std::strerror(errno) : "by the server";
      ERR_clear_error();
      fail("closed: " + reason);
      return;
    }
    const std::string_view bytes(buffer.data(), count);
    if (websocket_) {
      read_websocket(bytes);
    } else {
      received(bytes);
    }
    if (state_ == State::open && written_ < outgoing_.size()) flush();
    if (state_ == State::open && SSL_has_pending(ssl_.get()) == 0) return;  // spares a read that would find nothing
  }
}

void Connection::read_websocket(std::string_view bytes) {
  const bool was_open = websocket_->is_open();
  std::string payload;
  if (!websocket_->take(bytes, payload, outgoing_)) {
    fail("the WebSocket was refused or ended");
    return;
  }
  if (!was_open && websocket_->is_open()) opened();
  if (!payload.empty()) received(payload);
}

void Connection::flush() {
  if (state_ != State::open) return;
  while (written_ < outgoing_.size()) {
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), outgoing_.data() + written_, outgoing_.size() - written_, &count);
    if (result != 1) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
        watch_writable(true);
        return;
      }
      const std::string reason = error == SSL_ERROR_SYSCALL ? std::strerror(errno) : "refused by TLS";
      ERR_clear_error();
      fail("write: " + reason);
      return;
    }
    written_ += count;
  }
  outgoing_.clear();
  written_ = 0;
  watch_writable(false);
}

void Connection::watch_writable(bool on) {
  if (on == watches_writable_) return;
  watches_writable_ = on;
  epoll_event event{};
  event.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(loop_.descriptor(), EPOLL_CTL_MOD, socket_, &event);
}

}  // namespace iothub::bench
