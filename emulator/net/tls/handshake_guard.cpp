#include "emulator/net/tls/handshake_guard.h"

#include <algorithm>

namespace iothub::net::tls {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kApplicationData = 23;
constexpr std::uint8_t kClientHello = 1;

}  // namespace

bool HandshakeGuard::allows(std::span<const std::byte> bytes) {
  while (!refused_ && !encrypted_ && !bytes.empty()) {
    if (record_left_ == 0) {
      record_header_[record_filled_++] = std::to_integer<std::uint8_t>(bytes.front());
      bytes = bytes.subspan(1);
      if (record_filled_ == record_header_.size()) begin_record();
    } else if (record_header_[0] != kHandshake || message_left_ > 0) {
      const std::size_t skipped =
          std::min({bytes.size(), record_left_, record_header_[0] == kHandshake ? message_left_ : record_left_});
      record_left_ -= skipped;
      if (record_header_[0] == kHandshake) message_left_ -= skipped;
      bytes = bytes.subspan(skipped);
    } else {
      message_header_[message_filled_++] = std::to_integer<std::uint8_t>(bytes.front());
      --record_left_;
      bytes = bytes.subspan(1);
      if (message_filled_ == message_header_.size() && !begin_message()) refused_ = true;
    }
  }
  return !refused_;
}

void HandshakeGuard::begin_record() {
  record_filled_ = 0;
  record_left_ = std::size_t{record_header_[3]} << 8U | record_header_[4];
  // TLS 1.3 hides what is encrypted behind application data. Its change_cipher_spec says nothing (RFC 8446, D.4); that
  // of TLS 1.2 comes behind the key exchange.
  const bool keys_are_agreed = record_header_[0] == kChangeCipherSpec && last_message_ > kClientHello;
  encrypted_ = record_header_[0] == kApplicationData || keys_are_agreed;
}

bool HandshakeGuard::begin_message() {
  message_filled_ = 0;
  last_message_ = message_header_[0];
  message_left_ = std::size_t{message_header_[1]} << 16U | std::size_t{message_header_[2]} << 8U | message_header_[3];
  return message_left_ <= kMaxHandshakeMessage;
}

}  // namespace iothub::net::tls
