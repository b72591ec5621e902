#include "emulator/heads/amqp/wire_frames.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;
using heads::WirePacket;

namespace {

struct Told final : heads::WireTap {
  void packet(const WirePacket& packet) override { packets.push_back(packet); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const WirePacket& each : packets) all.push_back((each.sent ? ">" : "<") + each.name);
    return all;
  }
  /// The last of that name.
  const WirePacket& last(bool sent, const std::string& name) const {
    const auto found = std::find_if(packets.rbegin(), packets.rend(),
                                    [&](const WirePacket& each) { return each.sent == sent && each.name == name; });
    REQUIRE(found != packets.rend());
    return *found;
  }
  std::string text() const {
    std::string all;
    for (const WirePacket& each : packets) {
      all += each.fields.dump(-1, ' ', false, hub::Json::error_handler_t::replace) + "\n";
    }
    return all;
  }

  std::vector<WirePacket> packets;
};

/// A client whose session is looked at, in both directions as net does it.
struct WatchedClient : AmqpClient {
  explicit WatchedClient(AmqpWorld& hub_world, const char* user = nullptr, const char* password = nullptr)
      : AmqpClient(hub_world, user, password) {
    session.tap(&told);
  }
  void run() {
    for (;;) {
      const std::string from_hub = outbox.take();
      session.tell_sent(std::as_bytes(std::span(from_hub)), told);
      peer.in(from_hub);
      const std::string to_hub = peer.out();
      if (from_hub.empty() && to_hub.empty()) return;
      session.receive(std::as_bytes(std::span(to_hub)));
    }
  }

  Told told;
};

}  // namespace

TEST_CASE("both directions of an AMQP connection are told, frame by frame") {
  AmqpWorld world;
  const std::string token = world.token(kD1);
  WatchedClient client(world, "d1@sas.localhost", token.c_str());
  AmqpPeer::Link& events = client.peer.sender("/devices/d1/messages/events");
  client.run();
  CHECK(client.told.last(false, "open").fields["hostname"] == "localhost");
  CHECK(client.told.last(true, "open").fields["container-id"] == "iothub-emulator");
  const hub::Json attach = client.told.last(false, "attach").fields;
  CHECK(attach["role"] == "sender");
  CHECK(attach["target"]["address"] == "/devices/d1/messages/events");
  CHECK(client.told.last(true, "flow").fields["link-credit"] == 100);
  CHECK(client.told.last(true, "flow").fields["link"] == "/devices/d1/messages/events");

  amqp::Message message = message_of("{\"t\":21}");
  amqp::add_string(message.application_properties, "level", std::string("hot"));
  client.peer.send(events, message);
  client.run();
  const hub::Json transfer = client.told.last(false, "transfer").fields;
  CHECK(transfer["link"] == "/devices/d1/messages/events");
  CHECK(transfer["message"]["body"]["text"] == "{\"t\":21}");
  CHECK(transfer["message"]["application-properties"]["level"] == "hot");
  const hub::Json disposition = client.told.last(true, "disposition").fields;
  CHECK(disposition["role"] == "receiver");
  CHECK(disposition["state"].contains("accepted"));
  REQUIRE(world.events().size() == 1);
}

TEST_CASE("neither SASL's password nor a put-token shows what it proves") {
  AmqpWorld world;
  const std::string token = world.token(kD1);
  const std::string signature = token.substr(token.find("sig=") + 4, 20);
  WatchedClient plain(world, "d1@sas.localhost", token.c_str());
  plain.run();
  CHECK(plain.told.last(false, "sasl-init").fields["mechanism"] == "PLAIN");
  CHECK(plain.told.last(false, "sasl-init").fields["initial-response"] == "(cut)");
  CHECK(plain.told.text().find(signature) == std::string::npos);

  WatchedClient by_cbs(world);
  AmqpPeer::Link& cbs = by_cbs.peer.sender("$cbs");
  by_cbs.run();
  amqp::Message request;
  amqp::add_string(request.application_properties, "operation", std::string("put-token"));
  request.value = token;
  by_cbs.peer.send(cbs, request);
  by_cbs.run();
  const hub::Json transfer = by_cbs.told.last(false, "transfer").fields;
  CHECK(transfer["link"] == "$cbs");
  CHECK(transfer["message"]["body"] == "(cut)");
  CHECK(by_cbs.told.text().find(signature) == std::string::npos);
}

TEST_CASE("who begins to look in the middle of a frame sees the next one") {
  heads::amqp_head::WireFrames frames;
  Told told;
  const std::string rest_of_one = "still the body of a message that had begun before";
  const std::string heartbeat("\x00\x00\x00\x08\x02\x00\x00\x00", 8);
  frames.received(std::as_bytes(std::span(rest_of_one)), told);
  frames.received(std::as_bytes(std::span(heartbeat)).first(3), told);
  CHECK(told.packets.empty());
  frames.received(std::as_bytes(std::span(heartbeat)).subspan(3), told);
  CHECK(told.names() == std::vector<std::string>{"<empty"});
}

TEST_CASE("a message in several frames shows its sizes only") {
  AmqpWorld world;
  const std::string token = world.token(kD1);
  WatchedClient client(world, "d1@sas.localhost", token.c_str());
  AmqpPeer::Link& events = client.peer.sender("/devices/d1/messages/events");
  client.run();
  client.peer.send(events, message_of(std::string(100'000, 'x')));
  client.run();
  std::size_t transfers = 0;
  for (const WirePacket& each : client.told.packets) {
    if (each.name != "transfer") continue;
    ++transfers;
    CHECK_FALSE(each.fields.contains("message"));
    CHECK(each.fields["payload"]["bytes"] > 0);
  }
  CHECK(transfers > 1);
  CHECK(world.events().size() == 1);
}

TEST_CASE("nothing is told once nobody looks") {
  AmqpWorld world;
  WatchedClient client(world);
  client.session.tap(nullptr);
  client.run();
  CHECK(client.told.packets.empty());
}
