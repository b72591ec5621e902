#include "emulator/net/first_bytes.h"

#include <doctest/doctest.h>

#include <string_view>

using iothub::net::Protocol;

namespace {

Protocol protocol_of(std::string_view bytes) {
  return iothub::net::protocol_of(std::as_bytes(std::span(bytes)));
}

}  // namespace

TEST_CASE("the first bytes of a client tell its protocol") {
  CHECK(protocol_of("\x16\x03\x01") == Protocol::tls);        // handshake record
  CHECK(protocol_of("\x10\x10") == Protocol::mqtt);           // CONNECT, 16 bytes follow
  CHECK(protocol_of({"AMQP\0\1\0\0", 8}) == Protocol::amqp);  // AMQP 1.0
  CHECK(protocol_of({"AMQP\3\1\0\0", 8}) == Protocol::amqp);  // its SASL layer
  CHECK(protocol_of("GET / HTTP/1.1") == Protocol::http);
  CHECK(protocol_of("PATCH /twins/d") == Protocol::http);
  CHECK(protocol_of("DELETE") == Protocol::http);
}

TEST_CASE("one byte is enough for all protocols but those that begin with A") {
  CHECK(protocol_of("\x16") == Protocol::tls);
  CHECK(protocol_of("\x10") == Protocol::mqtt);
  CHECK(protocol_of("P") == Protocol::http);
  CHECK(protocol_of("") == Protocol::undecided);
  CHECK(protocol_of("A") == Protocol::undecided);
  CHECK(protocol_of("AMQ") == Protocol::undecided);
  CHECK(protocol_of("AMQX") == Protocol::http);
  CHECK(protocol_of("ACL /") == Protocol::http);
}

TEST_CASE("bytes of no served protocol are unknown") {
  CHECK(protocol_of({"\0", 1}) == Protocol::unknown);
  CHECK(protocol_of("\x20") == Protocol::unknown);      // CONNACK: only a server sends it
  CHECK(protocol_of("\x11") == Protocol::unknown);      // CONNECT with wrong flags
  CHECK(protocol_of("\x15\x03") == Protocol::unknown);  // a TLS alert cannot come first
  CHECK(protocol_of("\xff") == Protocol::unknown);
  // MQTT's PUBREC, PUBREL and PUBCOMP, which begin with P, b and p
  CHECK(protocol_of({"\x50\x02\0\1", 4}) == Protocol::unknown);
  CHECK(protocol_of({"\x62\x02\0\1", 4}) == Protocol::unknown);
  CHECK(protocol_of({"\x70\x02\0\1", 4}) == Protocol::unknown);
}
