// What announces more than it may be, or is built to be costly, is refused by its first bytes. What takes many
// connections or half a minute is in scripts/measure-hostile.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/wire/support/http_link.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/notation.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {
namespace {

WireClient client(Carrier carrier) {
  return WireClient(shared_emulator().port("https"), carrier, shared_emulator().ca_file());
}

constexpr std::string_view kUpgrade =
    "GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

}  // namespace

TEST_CASE("a ClientHello of 128 KiB is refused by its length") {
  WireClient attacker = client(Carrier::plain);
  // A handshake record of 16 KiB, in it the header of a ClientHello of 131,000 bytes; the rest never comes.
  attacker.send(wire_bytes("16 0301 4000 01 01ffb8 0303"));
  attacker.read_until_closed();
  CHECK(shared_log().find("the TLS handshake of 127.0.0.1") != std::string::npos);
  CHECK(shared_log().find("failed: Message too long") != std::string::npos);
}

TEST_CASE("an AMQP frame of impossible size ends the connection") {
  for (const std::string_view frame : {
           "80000000 02 00 0000",  // 2 GiB
           "ffffffff 02 00 0000",  // 4 GiB
           "00010001 02 00 0000",  // one byte over the 64 KiB that open says; before it the same holds
           "00000003 02 00 0000",  // shorter than its own header
           "00000008 01 00 0000",  // its data begin inside the header
       }) {
    CAPTURE(frame);
    WireClient attacker = client(Carrier::tls13);
    attacker.send(wire_bytes("'AMQP' 00 01 00 00"));
    CHECK(shown(attacker.read(8)) == shown(wire_bytes("'AMQP' 00 01 00 00")));
    attacker.send(wire_bytes(frame) + std::string(1000, '\0'));
    attacker.read_until_closed();
  }
}

TEST_CASE("compression is not agreed on, and a compressed WebSocket frame is refused") {
  WireClient attacker = client(Carrier::tls13);
  attacker.send(kUpgrade);
  CHECK(attacker.read_until("\r\n\r\n").find("Sec-WebSocket-Extensions") == std::string::npos);
  attacker.send(wire_bytes("c2 ff 0000000040000000 00000000"));  // RSV1, a GiB
  CHECK(shown(attacker.read_until_closed()) == shown(wire_bytes("88 02 03ea")));
}

TEST_CASE("a WebSocket frame of 2^63 bytes is refused, one of 2^63-1 by what it begins with") {
  WireClient impossible = client(Carrier::tls13);
  impossible.send(kUpgrade);
  impossible.read_until("\r\n\r\n");
  impossible.send(wire_bytes("82 ff 8000000000000000 00000000"));
  CHECK(shown(impossible.read_until_closed()) == shown(wire_bytes("88 02 03ea")));

  WireClient possible = client(Carrier::tls13);
  possible.send(kUpgrade);
  possible.read_until("\r\n\r\n");
  possible.send(wire_bytes("82 ff 7fffffffffffffff 00000000 10 ffffff7f"));  // an MQTT CONNECT of 256 MB
  CHECK(shown(possible.read_until_closed()) == shown(wire_bytes("88 02 03e8")));
}

TEST_CASE("JSON that nests 100,000 deep is refused like any other that is malformed") {
  ServiceClient service(shared_emulator());
  service.create("deep-d");
  std::string objects, closing;
  for (int i = 0; i < 100'000; ++i) {
    objects += R"({"a":)";
    closing += '}';
  }
  const std::string arrays = std::string(100'000, '[') + std::string(100'000, ']');
  HttpLink link(service);
  for (const std::string& body : {objects + "1" + closing, objects, R"({"tags":)" + arrays + "}"}) {
    CHECK(link.exchange(link.request("PATCH /twins/deep-d", {}, body)).status_line == "HTTP/1.1 400 Bad Request");
  }
  CHECK(link.exchange(link.request("GET /devices/deep-d")).status_line == "HTTP/1.1 200 OK");
}

TEST_CASE("a large body of one who may not send it is answered as a small one, and so is the next request") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const std::string body = R"({"deviceId":"stranger-d","x":")" + std::string(1'000'000, 'x') + "\"}";
  link.client.send("PUT /devices/stranger-d?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body);
  CHECK(link.read_response().status_line == "HTTP/1.1 401 Unauthorized");
  CHECK(link.exchange(link.request("GET /devices/stranger-d")).status_line == "HTTP/1.1 404 Not Found");
}

}  // namespace iothub::test
