// MQTT over WebSocket, byte by byte (RFC 6455; java-csharp-c-sdk.md 2.4): a stream of bytes in frames.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"
#include "tests/wire/support/websocket_frames.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {
namespace {

std::string opening(std::string_view sub_protocol) {
  return websocket_opening("/$iothub/websocket", sub_protocol);
}

/// A device's link, upgraded.
class WebSocketLink {
 public:
  explicit WebSocketLink(const Login& device)
      : names(names_of(device)), client(shared_emulator().port("https"), Carrier::tls13, shared_emulator().ca_file()) {}

  void open() {
    client.send(opening("mqtt"));
    CHECK(client.read_until("\r\n\r\n") == websocket_switched("mqtt"));
  }
  std::string bytes(std::string_view notation) const { return wire_bytes(notation, names); }
  void expect(std::string_view notation) {
    const std::string wanted = bytes(notation);
    CHECK(shown(client.read(wanted.size())) == shown(wanted));
  }
  void connect() {
    open();
    client.send(websocket_frame(0x82, bytes(kConnectClean)));
    expect("82 04 20 02 00 00");
  }

  Names names;
  WireClient client;
};

}  // namespace

TEST_CASE("packets cut into fragments and many packets in one frame are the same stream") {
  ServiceClient service(shared_emulator());
  WebSocketLink link(service.create("ws-cut-d"));
  link.connect();
  const std::string two = link.bytes(R"(32 ["devices/{d}/messages/events/" 0001 'hot']
                                        32 ["devices/{d}/messages/events/" 0002 'hot'])");
  std::string fragments;
  for (const char byte : two) fragments += websocket_frame(fragments.empty() ? 0x02 : 0x00, {&byte, 1});
  link.client.send(fragments + websocket_frame(0x80, ""));
  std::string answers;
  while (answers.size() < 8) {  // one frame or two, as the reads fall
    const std::string header = link.client.read(2);
    REQUIRE(header.size() == 2);
    REQUIRE(header[0] == '\x82');
    answers += link.client.read(static_cast<unsigned char>(header[1]));
  }
  CHECK(shown(answers) == shown(link.bytes("40 02 0001 40 02 0002")));
  link.client.send(websocket_frame(0x82, two + link.bytes(kPingreq)));
  link.expect("82 0a 40 02 0001 40 02 0002 d0 00");
}

TEST_CASE("frames that come with the handshake, before its answer, are served") {
  ServiceClient service(shared_emulator());
  WebSocketLink link(service.create("ws-eager-d"));
  link.client.send(opening("mqtt") + websocket_frame(0x82, link.bytes(kConnectClean)) + websocket_frame(0x89, "alive"));
  CHECK(link.client.read_until("\r\n\r\n") == websocket_switched("mqtt"));
  link.expect("82 04 20 02 00 00 8a 05 'alive'");
}

TEST_CASE("a WebSocket that the client closes is closed in return, and its link is gone") {
  ServiceClient service(shared_emulator());
  WebSocketLink link(service.create("ws-close-d"));
  link.connect();
  CHECK(service.connection_state("ws-close-d") == "Connected");
  link.client.send(websocket_frame(0x88, "\x03\xe8"));
  CHECK(shown(link.client.read_until_closed()) == shown(link.bytes("88 02 03e8")));
  CHECK(service.connection_state("ws-close-d") == "Disconnected");
}

TEST_CASE("a text frame and a frame without a mask end the WebSocket with a status") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("ws-wrong-d");
  WebSocketLink text(device);
  text.open();
  text.client.send(websocket_frame(0x81, "hello"));
  CHECK(shown(text.client.read_until_closed()) == shown(text.bytes("88 02 03eb")));
  WebSocketLink bare(device);
  bare.open();
  bare.client.send(bare.bytes("82 02 c0 00"));
  CHECK(shown(bare.client.read_until_closed()) == shown(bare.bytes("88 02 03ea")));
}

TEST_CASE("a refused CONNECT arrives with its code, then the Close") {
  ServiceClient service(shared_emulator());
  Login device = service.create("ws-refused-d");
  device.key = "YW5vdGhlciBrZXksIHdob2xseSB3cm9uZw==";
  WebSocketLink link(device);
  link.open();
  link.client.send(websocket_frame(0x82, link.bytes(kConnectClean)));
  CHECK(shown(link.client.read_until_closed()) == shown(link.bytes("82 04 20 02 00 05 88 02 03e8")));
}

TEST_CASE("a sub-protocol that is not served is refused, and the connection serves on") {
  ServiceClient service(shared_emulator());
  WebSocketLink link(service.create("ws-sub-protocol-d"));
  link.client.send(opening("chat"));
  CHECK(link.client.read_until("\r\n") == "HTTP/1.1 400 Bad Request\r\n");
  CHECK(shared_log().find("the WebSocket asks for sub-protocol 'chat'") != std::string::npos);
}

}  // namespace iothub::test
