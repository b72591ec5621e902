#include "tests/wire/support/wire_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace iothub::test {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void throw_tls(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  throw std::runtime_error(what + ": " + text.data());
}

}  // namespace

WireClient::WireClient(std::uint16_t port, Carrier carrier, const std::string& ca_file) {
  try {
    connect(port);
    if (carrier != Carrier::plain) shake_hands(carrier, ca_file);
  } catch (...) {
    if (socket_ >= 0) ::close(socket_);
    throw;
  }
}

WireClient::~WireClient() {
  drop();
}

void WireClient::connect(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) throw_errno("socket");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw_errno("connect");
  if (::fcntl(socket_, F_SETFL, O_NONBLOCK) != 0) throw_errno("fcntl");
}

void WireClient::shake_hands(Carrier carrier, const std::string& ca_file) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  const int version = carrier == Carrier::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  if (SSL_CTX_set_min_proto_version(context_.get(), version) != 1 ||
      SSL_CTX_set_max_proto_version(context_.get(), version) != 1 ||
      SSL_CTX_load_verify_file(context_.get(), ca_file.c_str()) != 1) {
    throw_tls("TLS context");
  }
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ssl_.reset(SSL_new(context_.get()));
  std::string name = "localhost";
  // What the macro SSL_set_tlsext_host_name does, without its C cast.
  SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  if (SSL_set1_host(ssl_.get(), name.c_str()) != 1 || SSL_set_fd(ssl_.get(), socket_) != 1) throw_tls("TLS session");
  const Deadline deadline;
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return;
    const int reason = SSL_get_error(ssl_.get(), result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) throw_tls("TLS handshake");
    if (!wait(reason == SSL_ERROR_WANT_WRITE, deadline)) throw std::runtime_error("the TLS handshake takes too long");
  }
}

WireClient::Wants WireClient::tls_wants(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Wants::read;
    case SSL_ERROR_WANT_WRITE:
      return Wants::write;
    default:  // a farewell, an end without one, or a reset: to a client all are the end
      ended_ = true;
      return Wants::nothing;
  }
}

void WireClient::take_in() {
  std::array<char, 16384> piece{};
  while (!ended_) {
    std::size_t got = 0;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &got);
      if (result != 1) {
        tls_wants(result);
        return;
      }
    } else {
      const ssize_t received = ::recv(socket_, piece.data(), piece.size(), 0);
      if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (received <= 0) {
        ended_ = true;
        return;
      }
      got = static_cast<std::size_t>(received);
    }
    arrived_.append(piece.data(), got);
  }
}

bool WireClient::wait(bool to_write, const Deadline& deadline) {
  pollfd waits{socket_, static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), 0};
  const int ready = ::poll(&waits, 1, deadline.left());
  if (ready < 0 && errno != EINTR) throw_errno("poll");
  return ready != 0;
}

void WireClient::send(std::string_view bytes) {
  const Deadline deadline;
  while (!bytes.empty()) {
    if (ended_) throw std::runtime_error("the link is closed");
    std::size_t put = 0;
    bool to_write = true;
    if (ssl_) {
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
      if (result != 1) to_write = tls_wants(result) == Wants::write;
    } else {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) ended_ = true;
      if (sent > 0) put = static_cast<std::size_t>(sent);
    }
    bytes.remove_prefix(put);
    if (put > 0 || ended_) continue;
    if (!wait(to_write, deadline)) throw std::runtime_error("the emulator does not read");
    take_in();
  }
}

std::string WireClient::take(std::size_t count) {
  std::string taken = arrived_.substr(0, count);
  arrived_.erase(0, taken.size());
  return taken;
}

std::string WireClient::read(std::size_t count) {
  for (const Deadline deadline; arrived_.size() < count && !ended_;) {
    take_in();
    if (arrived_.size() >= count || ended_) break;
    if (!wait(false, deadline)) break;
  }
  return take(count);
}

std::string WireClient::read_until(std::string_view mark) {
  for (const Deadline deadline; arrived_.find(mark) == std::string::npos && !ended_;) {
    take_in();
    if (arrived_.find(mark) != std::string::npos || ended_) break;
    if (!wait(false, deadline)) break;
  }
  const std::size_t found = arrived_.find(mark);
  return take(found == std::string::npos ? arrived_.size() : found + mark.size());
}

std::string WireClient::read_until_closed() {
  for (const Deadline deadline; !ended_;) {
    take_in();
    if (ended_) break;
    if (!wait(false, deadline)) throw std::runtime_error("the emulator does not close the link");
  }
  return std::exchange(arrived_, {});
}

bool WireClient::is_silent(std::chrono::milliseconds time) {
  const Deadline deadline(time);
  take_in();
  while (arrived_.empty() && !ended_ && wait(false, deadline)) take_in();
  return arrived_.empty() && !ended_;
}

std::string WireClient::read_available() {
  take_in();
  return std::exchange(arrived_, {});
}

void WireClient::drop() {
  ssl_.reset();
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  ended_ = true;
}

}  // namespace iothub::test
