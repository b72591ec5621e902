#pragma once
/// Bounds what a TLS client can make the server hold before the handshake is over.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace iothub::net::tls {

/// Of one message of a client's handshake, its certificate chain included. OpenSSL makes room for a whole message as
/// soon as its length has come, and takes a ClientHello of 128 KiB.
inline constexpr std::size_t kMaxHandshakeMessage = std::size_t{16} * 1024;

/// Reads what a client sends in the clear: records (RFC 8446, 5.1) and in them the headers of handshake messages (4).
/// Certificates that come encrypted are bounded by SSL_CTX_set_max_cert_list().
class HandshakeGuard {
 public:
  /// The next bytes from the wire. False, and for ever: a message that is too long is announced.
  bool allows(std::span<const std::byte> bytes);

 private:
  void begin_record();
  bool begin_message();

  std::array<std::uint8_t, 5> record_header_{};
  std::array<std::uint8_t, 4> message_header_{};
  std::size_t record_filled_ = 0;
  std::size_t message_filled_ = 0;
  std::size_t record_left_ = 0;
  std::size_t message_left_ = 0;
  std::uint8_t last_message_ = 0;
  bool refused_ = false;
  bool encrypted_ = false;
};

}  // namespace iothub::net::tls
