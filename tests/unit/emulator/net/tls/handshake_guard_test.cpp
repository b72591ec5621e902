#include "emulator/net/tls/handshake_guard.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using iothub::net::tls::HandshakeGuard;
using iothub::net::tls::kMaxHandshakeMessage;

namespace {

constexpr int kChangeCipherSpec = 20, kHandshake = 22, kApplicationData = 23;
constexpr int kClientHello = 1, kCertificate = 11, kClientKeyExchange = 16;

std::string message(int type, std::size_t size) {
  std::string text{static_cast<char>(type), static_cast<char>(size >> 16U), static_cast<char>(size >> 8U),
                   static_cast<char>(size)};
  return text + std::string(size, 'x');
}

std::string record(int type, std::string_view content) {
  std::string text{static_cast<char>(type), 3, 3, static_cast<char>(content.size() >> 8U),
                   static_cast<char>(content.size())};
  return text.append(content);
}

bool allows(std::string_view bytes, std::size_t piece = 100'000) {
  HandshakeGuard guard;
  bool allowed = true;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    allowed = guard.allows(std::as_bytes(std::span(bytes.substr(0, piece))));
  }
  return allowed;
}

const std::string kLongHello = record(kHandshake, message(kClientHello, kMaxHandshakeMessage + 1).substr(0, 4));

}  // namespace

TEST_CASE("a handshake message is as long as it may be, or is refused by its header alone") {
  const std::string longest = message(kClientHello, kMaxHandshakeMessage);
  const std::string two_records =
      record(kHandshake, longest.substr(0, 10'000)) + record(kHandshake, longest.substr(10'000));
  CHECK(allows(two_records));
  CHECK(allows(two_records, 1));
  CHECK_FALSE(allows(kLongHello));
  CHECK_FALSE(allows(kLongHello, 1));
}

TEST_CASE("a message's header may be cut by records, and many messages may share one") {
  const std::string header = message(kClientHello, 131'000).substr(0, 4);
  std::string cut;
  for (const char byte : header) cut += record(kHandshake, {&byte, 1});
  CHECK_FALSE(allows(cut));
  CHECK(allows(record(kHandshake, message(kClientHello, 10) + message(kCertificate, 0) + message(kCertificate, 20))));
  CHECK_FALSE(allows(record(kHandshake, message(kClientHello, 10) + header)));
}

TEST_CASE("a second ClientHello is bounded like the first, behind TLS 1.3's empty change_cipher_spec") {
  const std::string first = record(kHandshake, message(kClientHello, 200)) + record(kChangeCipherSpec, "\1");
  CHECK(allows(first + record(kHandshake, message(kClientHello, 200))));
  CHECK_FALSE(allows(first + kLongHello));
}

TEST_CASE("what is encrypted is no message") {
  const std::string hello = record(kHandshake, message(kClientHello, 200));
  const std::string random = std::string(40, '\xff');
  CHECK(allows(hello + record(kApplicationData, random) + record(kHandshake, random)));
  CHECK(allows(hello + record(kHandshake, message(kClientKeyExchange, 66)) + record(kChangeCipherSpec, "\1") +
               record(kHandshake, random)));
}
