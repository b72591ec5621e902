// A link's life over time: how bytes are cut, how it ends, what outlives it (MQTT 3.1.1; documentation: Use MQTT to
// communicate with IoT Hub).
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kSubscribeDesired = R"(82 [0001 "$iothub/twin/PATCH/properties/desired/#" 00])";

std::string puback(int packet_id) {
  return {'\x40', '\x02', static_cast<char>(packet_id >> 8), static_cast<char>(packet_id & 0xFF)};
}

/// A telemetry PUBLISH of QoS 1.
std::string telemetry(const std::string& device, int packet_id, const std::string& body) {
  const std::string id{static_cast<char>(packet_id >> 8), static_cast<char>(packet_id & 0xFF)};
  return wire_bytes(R"(32 ["devices/{d}/messages/events/" '{id}' '{body}'])",
                    {{"d", device}, {"id", id}, {"body", body}});
}

/// Until the registry shows the state; each look is a whole request, so this waits on the emulator and not on a clock.
void await_state(ServiceClient& service, const std::string& device, const std::string& state) {
  for (const Deadline deadline; service.connection_state(device) != state;) {
    REQUIRE_MESSAGE(!deadline.passed(), device << " does not become " << state);
  }
}

}  // namespace

// ---- bytes and packets ----------------------------------------------------------------------------------------------

TEST_CASE("packets cut at every byte are understood") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("cut-d"));
  // Its round trip shows that the emulator has read what was sent on the other link before.
  MqttLink barrier(shared_emulator(), service.create("cut-barrier-d"));
  barrier.connect();
  const auto send_cut_everywhere = [&](std::string_view notation) {
    const std::string whole = link.bytes(notation);
    for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
      link.client().send(whole.substr(i, 1));
      barrier.expect_alive();
    }
    CHECK(link.client().read_available().empty());
    link.client().send(whole.substr(whole.size() - 1));
  };
  send_cut_everywhere(kConnectClean);
  link.expect(kAccepted);
  send_cut_everywhere(R"(82 [0001 "$iothub/twin/res/#" 00])");
  link.expect("90 03 0001 00");
  send_cut_everywhere(R"(32 ["devices/{d}/messages/events/a=1" 0102 'hot'])");
  link.expect("40 02 0102");
  send_cut_everywhere(R"(30 ["$iothub/twin/GET/?$rid=1" ' '])");
  link.expect(R"(30 ["$iothub/twin/res/200/?$rid=1" '{"desired":{"$version":1},"reported":{"$version":1}}'])");
  send_cut_everywhere(kPingreq);
  link.expect(kPingresp);
}

TEST_CASE("a packet cut in two at every place is understood") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("halves-d"));
  MqttLink barrier(shared_emulator(), service.create("halves-barrier-d"));
  barrier.connect();
  link.connect();
  const std::string packet = link.bytes(R"(32 ["devices/{d}/messages/events/" 0001 'hot'])");
  // The ends of one packet and the beginning of the next travel together.
  const std::string two = packet + packet;
  for (std::size_t cut = 1; cut < two.size(); ++cut) {
    link.client().send(two.substr(0, cut));
    barrier.expect_alive();
    link.client().send(two.substr(cut));
    link.expect("40 02 0001 40 02 0001");
  }
}

TEST_CASE("many packets in one write are answered in order") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("many-d");
  MqttLink link(shared_emulator(), device);
  link.connect();
  std::string out;
  std::string in;
  for (int id = 1; id <= 200; ++id) {
    out += telemetry(device.device, id, std::to_string(id)) + link.bytes(kPingreq);
    in += puback(id) + link.bytes(kPingresp);
  }
  link.client().send(out);
  CHECK(link.client().read(in.size()) == in);
}

TEST_CASE("packets that come before CONNACK went out are served after it") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("eager-d"));
  link.send(std::string(kConnectClean) + R"(82 [0001 "$iothub/twin/res/#" 00]
                                           32 ["devices/{d}/messages/events/" 0002 'hot']
                                           30 ["$iothub/twin/GET/?$rid=1" ' '] c0 00)");
  link.expect(R"(20 02 00 00 90 03 0001 00 40 02 0002
                 30 ["$iothub/twin/res/200/?$rid=1" '{"desired":{"$version":1},"reported":{"$version":1}}'] d0 00)");
}

TEST_CASE("5000 pipelined telemetry messages are acknowledged in order and stored once, in order") {
  constexpr int kMessages = 5000;
  ServiceClient service(shared_emulator());
  const Login device = service.create("burst-d");
  MqttLink link(shared_emulator(), device);
  link.connect();
  std::string out;
  std::string in;
  for (int id = 1; id <= kMessages; ++id) {
    out += telemetry(device.device, id, std::to_string(id));
    in += puback(id);
  }
  link.client().send(out);
  CHECK(link.client().read(in.size()) == in);
  link.expect_alive();
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == std::size_t{kMessages});
  std::size_t in_place = 0;
  while (in_place < events.size() && events[in_place].body == std::to_string(in_place + 1)) ++in_place;
  CHECK(in_place == events.size());
}

TEST_CASE("MQTT is served over TLS 1.2 and 1.3, on every port") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("tls-d");
  for (const Carrier carrier : {Carrier::tls12, Carrier::tls13}) {
    for (const std::string port : {"https", "mqtts", "amqps"}) {
      CAPTURE(port);
      WireClient client(shared_emulator().port(port), carrier, shared_emulator().ca_file());
      client.send(wire_bytes(kConnectClean, names_of(device)));
      CHECK(shown(client.read(4)) == shown(wire_bytes(kAccepted)));
    }
  }
}

// ---- the end of a link ----------------------------------------------------------------------------------------------

TEST_CASE("a second link of the same identity takes over, and the older one is closed") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("takeover-d");
  MqttLink older(shared_emulator(), device);
  older.connect();
  older.exchange(kSubscribeDesired, "90 03 0001 00");
  MqttLink newer(shared_emulator(), device);
  newer.connect();
  older.expect_closed();
  CHECK(service.connection_state("takeover-d") == "Connected");
  newer.exchange(kSubscribeDesired, "90 03 0001 00");
  service.patch_desired(device, R"({"n":1})");
  newer.expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=2" '{"n":1,"$version":2}'])");
}

TEST_CASE("a refused CONNECT does not take over") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("no-takeover-d");
  MqttLink live(shared_emulator(), device);
  live.connect();
  MqttLink refused(shared_emulator(), {device.device, {}, "YW5vdGhlciBrZXksIHdob2xseSB3cm9uZw=="});
  refused.exchange(kConnectClean, kNotAuthorized);
  refused.expect_closed();
  live.expect_alive();
}

TEST_CASE("a link that is silent for 1.5 times its keep-alive is closed, and no other") {
  ServiceClient service(shared_emulator());
  MqttLink silent(shared_emulator(), service.create("silent-d"));
  MqttLink talking(shared_emulator(), service.create("talking-d"));
  MqttLink without(shared_emulator(), service.create("without-keep-alive-d"));
  constexpr std::string_view kKeepAlive1 = R"(10 ["MQTT" 04 c2 0001 "{id}" "{user}" "{sas}"])";
  constexpr std::string_view kKeepAlive0 = R"(10 ["MQTT" 04 c2 0000 "{id}" "{user}" "{sas}"])";
  const auto connecting = Clock::now();
  silent.connect(kKeepAlive1);
  talking.connect(kKeepAlive1);
  without.connect(kKeepAlive0);
  CHECK(silent.client().is_silent(std::chrono::milliseconds{1000}));
  talking.expect_alive();
  silent.expect_closed();
  const auto lived = Clock::now() - connecting;
  CHECK(lived >= std::chrono::milliseconds{1500});
  CHECK(lived <= std::chrono::milliseconds{3000} * slowness());
  talking.expect_alive();
  without.expect_alive();
}

TEST_CASE("a will is stored when the network goes, and not after DISCONNECT") {
  constexpr std::string_view kConnectWithWill =
      R"(10 ["MQTT" 04 c6 003c "{id}" "devices/{d}/messages/events/reason=lost" "gone" "{user}" "{sas}"])";
  ServiceClient service(shared_emulator());
  MqttLink lost(shared_emulator(), service.create("will-lost-d"));
  MqttLink polite(shared_emulator(), service.create("will-polite-d"));
  lost.connect(kConnectWithWill);
  polite.connect(kConnectWithWill);
  lost.client().drop();
  polite.send("e0 00");
  polite.expect_closed();
  await_state(service, "will-lost-d", "Disconnected");
  await_state(service, "will-polite-d", "Disconnected");
  const auto wills = stored_events(shared_database(), "will-lost-d");
  REQUIRE(wills.size() == 1);
  CHECK(wills[0].body == "gone");
  CHECK(nlohmann::json::parse(wills[0].properties) ==
        nlohmann::json::parse(R"([["reason","lost"],["iothub-MessageType","Will"]])"));
  CHECK(stored_events(shared_database(), "will-polite-d").empty());
}

TEST_CASE("a link that vanishes shows as disconnected") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("vanish-d"));
  link.connect();
  CHECK(service.connection_state("vanish-d") == "Connected");
  link.client().drop();
  await_state(service, "vanish-d", "Disconnected");
}

TEST_CASE("with --sas-grace 0 a link ends when its token does, and expired tokens are refused") {
  EmulatorProcess emulator({.data = {}, .ca_dir = {}, .flags = {"--sas-grace", "0"}});
  emulator.await_ready();
  ServiceClient service(emulator);
  const Login device = service.create("expiry-d");
  const Login module = service.create("expiry-d", "m");
  MqttLink lasting(emulator, device);
  lasting.connect();
  MqttLink expiring(emulator, module);
  const std::int64_t expiry = unix_now() + 2;
  expiring.names()["sas"] = module.token(2);
  expiring.connect();
  expiring.expect_closed();
  CHECK(unix_now() >= expiry);
  CHECK(unix_now() <= expiry + 2 * slowness());
  lasting.expect_alive();
  MqttLink late(emulator, module);
  late.names()["sas"] = module.token(-1);
  late.exchange(kConnectClean, kNotAuthorized);
  late.expect_closed();
  CHECK(emulator.stop() == 0);
}

TEST_CASE("SIGTERM closes the links and exits with 0") {
  EmulatorProcess emulator({});
  emulator.await_ready();
  ServiceClient service(emulator);
  MqttLink link(emulator, service.create("sigterm-d"));
  link.connect();
  CHECK(emulator.stop() == 0);
  link.expect_closed();
}

// ---- sessions -------------------------------------------------------------------------------------------------------

TEST_CASE("a session of clean session 0 keeps its subscriptions, through DISCONNECT and a lost network") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("session-d");
  {
    MqttLink first(shared_emulator(), device);
    first.connect(kConnect, kAccepted);
    first.exchange(R"(82 [0001 "$iothub/twin/PATCH/properties/desired/#" 01])", "90 03 0001 01");
    first.send("e0 00");
    first.expect_closed();
  }
  {
    MqttLink second(shared_emulator(), device);
    second.connect(kConnect, kAcceptedSessionPresent);
    service.patch_desired(device, R"({"n":1})");
    second.expect(R"(32 ["$iothub/twin/PATCH/properties/desired/?$version=2" 0001 '{"n":1,"$version":2}'])");
    second.client().drop();
  }
  MqttLink third(shared_emulator(), device);
  third.connect(kConnect, kAcceptedSessionPresent);
  service.patch_desired(device, R"({"n":2})");
  third.expect(R"(32 ["$iothub/twin/PATCH/properties/desired/?$version=3" 0001 '{"n":2,"$version":3}'])");
}

TEST_CASE("clean session 1 forgets the session that was kept") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("clean-d");
  MqttLink kept(shared_emulator(), device);
  kept.connect(kConnect, kAccepted);
  kept.exchange(kSubscribeDesired, "90 03 0001 00");
  MqttLink clean(shared_emulator(), device);
  clean.connect(kConnectClean, kAccepted);
  service.patch_desired(device, R"({"n":1})");
  clean.expect_alive();
  MqttLink again(shared_emulator(), device);
  again.connect(kConnect, kAccepted);
  service.patch_desired(device, R"({"n":2})");
  again.expect_alive();
}

TEST_CASE("a subscription made with clean session 1 ends with its link") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("clean-sub-d");
  MqttLink clean(shared_emulator(), device);
  clean.connect(kConnectClean, kAccepted);
  clean.exchange(kSubscribeDesired, "90 03 0001 00");
  MqttLink next(shared_emulator(), device);
  next.connect(kConnect, kAccepted);
  service.patch_desired(device, R"({"n":1})");
  next.expect_alive();
}

TEST_CASE("UNSUBSCRIBE is remembered by a session too") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("unsub-d");
  MqttLink first(shared_emulator(), device);
  first.connect(kConnect, kAccepted);
  first.exchange(kSubscribeDesired, "90 03 0001 00");
  first.exchange(R"(a2 [0002 "$iothub/twin/PATCH/properties/desired/#"])", "b0 02 0002");
  MqttLink second(shared_emulator(), device);
  second.connect(kConnect, kAcceptedSessionPresent);
  service.patch_desired(device, R"({"n":1})");
  second.expect_alive();
}

TEST_CASE("a session outlives the hub itself, by kill -9 too") {
  const TemporaryFolder folder;
  Login device;
  {
    EmulatorProcess emulator({.data = folder / "data", .ca_dir = folder / "ca", .flags = {}});
    emulator.await_ready();
    ServiceClient service(emulator);
    device = service.create("outlives-d");
    MqttLink link(emulator, device);
    link.connect(kConnect, kAccepted);
    link.exchange(kSubscribeDesired, "90 03 0001 00");
    emulator.kill();
  }
  EmulatorProcess emulator({.data = folder / "data", .ca_dir = folder / "ca", .flags = {}});
  emulator.await_ready();
  ServiceClient service(emulator);
  MqttLink link(emulator, device);
  link.connect(kConnect, kAcceptedSessionPresent);
  service.patch_desired(device, R"({"n":1})");
  link.expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=2" '{"n":1,"$version":2}'])");
  CHECK(emulator.stop() == 0);
}

// ---- many links -----------------------------------------------------------------------------------------------------

TEST_CASE("300 links live side by side, and a patch reaches the one it is for") {
  constexpr int kLinks = 300;
  constexpr std::size_t kOne = 150;
  ServiceClient service(shared_emulator());
  std::deque<Login> devices;
  std::deque<MqttLink> links;
  for (int i = 0; i < kLinks; ++i) {
    devices.push_back(service.create("crowd-" + std::to_string(i)));
    links.emplace_back(shared_emulator(), devices.back());
    links.back().connect();
    links.back().exchange(kSubscribeDesired, "90 03 0001 00");
  }
  service.patch_desired(devices[kOne], R"({"n":1})");
  links[kOne].expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=2" '{"n":1,"$version":2}'])");
  for (MqttLink& link : links) link.expect_alive();
}

}  // namespace iothub::test
