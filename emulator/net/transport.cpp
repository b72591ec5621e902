#include "emulator/net/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include "emulator/net/tls/client_certificate.h"
#include "emulator/net/tls/handshake_guard.h"

namespace iothub::net {

std::string IoFailure::text() const {
  if (tls != 0) {
    const char* reason = ERR_reason_error_string(tls);
    return reason != nullptr ? reason : "TLS error " + std::to_string(ERR_GET_REASON(tls));
  }
  if (system != 0) return std::generic_category().message(system);
  return "the peer closed the connection";
}

bool IoFailure::is_disconnect() const {
  if (tls != 0) return ERR_GET_LIB(tls) == ERR_LIB_SSL && ERR_GET_REASON(tls) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  return system == 0 || system == ECONNRESET || system == EPIPE || system == ETIMEDOUT;
}

std::string_view handshake_hint(unsigned long tls_error) {
  if (ERR_GET_LIB(tls_error) != ERR_LIB_SSL) return {};
  switch (ERR_GET_REASON(tls_error)) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      return "the client does not trust the emulator's CA, or knows this host by another name: `iothub-emulator ca` "
             "prints the "
             "CA, `iothub-emulator env` the variables that make clients trust it, --host-name adds a name";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the client finds the certificate out of date: compare the clocks; a restart mints a new one";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return "the client went away half-way: often it does not trust the emulator's CA (`iothub-emulator ca`)";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "the client must speak TLS 1.2 or 1.3";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      return "the client offers no cipher suite with forward secrecy that fits the certificate";
    default:
      return {};
  }
}

Transport::Transport(Socket socket) : socket_(std::move(socket)) {
  socket_.non_blocking(true);
  // Without it each first answer waits some 40 ms for the peer's delayed acknowledgement.
  boost::system::error_code reset_by_now;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), reset_by_now);
}

IoResult Transport::peek(std::byte& first) {
  return receive({&first, 1}, MSG_PEEK);
}

IoResult Transport::receive(std::span<std::byte> into, int flags) {
  const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), flags);
  if (got > 0) return {IoStatus::done, static_cast<std::size_t>(got)};
  if (got == 0) return {IoStatus::ended, 0};
  return {system_status(errno), 0};
}

void Transport::start_tls(tls::SslHandle ssl) {
  ssl_ = std::move(ssl);
  tls::check(SSL_set_fd(ssl_.get(), socket_.native_handle()), "cannot bind TLS to the socket");
  guard_ = std::make_unique<tls::HandshakeGuard>();
  BIO* const bio = SSL_get_rbio(ssl_.get());
  BIO_set_callback_arg(bio, reinterpret_cast<char*>(guard_.get()));
  BIO_set_callback_ex(
      bio,
      [](BIO* from, int operation, const char* data, std::size_t, int, long, int result, std::size_t* size) -> long {
        if (operation != (BIO_CB_READ | BIO_CB_RETURN) || result <= 0) return result;
        auto& guard = *reinterpret_cast<tls::HandshakeGuard*>(BIO_get_callback_arg(from));
        if (guard.allows(std::as_bytes(std::span(data, *size)))) return result;
        errno = EMSGSIZE;
        return -1;
      });
}

IoResult Transport::handshake() {
  ERR_clear_error();
  const int result = SSL_accept(ssl_.get());
  if (result != 1) return {tls_status(result), 0};
  BIO_set_callback_ex(SSL_get_rbio(ssl_.get()), nullptr);
  guard_.reset();
  tls_ready_ = true;
  return {IoStatus::done, 0};
}

std::string_view Transport::tls_version() const {
  return SSL_get_version(ssl_.get());
}

std::optional<hub::ClientCertificate> Transport::client_certificate() const {
  if (!is_tls()) return std::nullopt;
  auto shown = tls::client_certificate(ssl_.get());
  if (!shown) return std::nullopt;
  return hub::ClientCertificate{std::move(shown->sha1_thumbprint), std::move(shown->sha256_thumbprint),
                                std::move(shown->common_name), std::move(shown->chain)};
}

IoResult Transport::read(std::span<std::byte> into) {
  if (!is_tls()) return receive(into, 0);
  ERR_clear_error();  // SSL_get_error reads this thread's whole queue
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  if (result == 1) return {IoStatus::done, got};
  return {tls_status(result), 0};
}

bool Transport::has_buffered() const {
  return is_tls() && SSL_has_pending(ssl_.get()) == 1;
}

IoResult Transport::write(std::string_view bytes) {
  if (!is_tls()) {
    const ssize_t put = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) return {IoStatus::done, static_cast<std::size_t>(put)};
    return {errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::wants_write : system_status(errno), 0};
  }
  ERR_clear_error();
  std::size_t put = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
  if (result == 1) return {IoStatus::done, put};
  return {tls_status(result), 0};
}

void Transport::shut_down() {
  if (tls_ready_ && failure_.tls == 0 && failure_.system == 0) {
    ERR_clear_error();
    // 0 (the peer's close_notify is missing) is as good as 1; a full socket buffer leaves the farewell out.
    static_cast<void>(SSL_shutdown(ssl_.get()));
  }
  boost::system::error_code gone_by_now;
  socket_.shutdown(Socket::shutdown_send, gone_by_now);
}

IoResult Transport::discard(std::span<std::byte> scratch) {
  return receive(scratch, 0);
}

void Transport::close() {
  boost::system::error_code gone_by_now;
  socket_.close(gone_by_now);
}

IoStatus Transport::tls_status(int result) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return IoStatus::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::ended;
    case SSL_ERROR_SYSCALL:
      failure_.system = system_error;
      return IoStatus::failed;
    default:
      failure_.tls = ERR_get_error();
      return IoStatus::failed;
  }
}

IoStatus Transport::system_status(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return IoStatus::wants_read;
  failure_.system = error;
  return IoStatus::failed;
}

}  // namespace iothub::net
