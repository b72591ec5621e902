#include "emulator/heads/mqtt/mqtt_session.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

#include "emulator/heads/wire.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/json.h"
#include "tests/unit/support/fake_outbox.h"
#include "tests/unit/support/sas.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using heads::mqtt_head::MqttSession;
using hub::Identity;
using hub::Json;
using namespace std::string_literals;
using namespace std::chrono_literals;

namespace {

// ---- packets as a client writes them, built here byte by byte so that the codec is not its own judge ----------------

std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}
std::string field(std::string_view text) {
  return u16(text.size()) + std::string(text);
}

std::string packet(int first_byte, const std::string& rest) {
  std::string out(1, static_cast<char>(first_byte));
  std::size_t size = rest.size();
  do {
    const std::size_t low = size % 128;
    size /= 128;
    out += static_cast<char>(size > 0 ? low | 128 : low);
  } while (size > 0);
  return out + rest;
}

struct ConnectFields {
  std::string client_id = "d1";
  std::string user_name = "localhost/d1/?api-version=2019-10-01";
  std::string password;
  bool clean_session = false;
  int keep_alive = 60;
  std::string will_topic;
  std::string will_payload;
  bool will_retain = false;
};

std::string connect_packet(const ConnectFields& fields) {
  int flags = 0x80;
  if (!fields.password.empty()) flags |= 0x40;
  if (fields.clean_session) flags |= 0x02;
  if (!fields.will_topic.empty()) flags |= fields.will_retain ? 0x24 : 0x04;
  std::string rest =
      field("MQTT") + "\x04" + static_cast<char>(flags) + u16(static_cast<std::size_t>(fields.keep_alive));
  rest += field(fields.client_id);
  if (!fields.will_topic.empty()) rest += field(fields.will_topic) + field(fields.will_payload);
  rest += field(fields.user_name);
  if (!fields.password.empty()) rest += field(fields.password);
  return packet(0x10, rest);
}

std::string subscribe_packet(std::size_t id, std::initializer_list<std::pair<std::string_view, int>> filters) {
  std::string rest = u16(id);
  for (const auto& [filter, qos] : filters) rest += field(filter) + static_cast<char>(qos);
  return packet(0x82, rest);
}
std::string unsubscribe_packet(std::size_t id, std::string_view filter) {
  return packet(0xA2, u16(id) + field(filter));
}

std::string publish0(std::string_view topic, std::string_view payload) {
  return packet(0x30, field(topic) + std::string(payload));
}
std::string publish1(std::size_t id, std::string_view topic, std::string_view payload) {
  return packet(0x32, field(topic) + u16(id) + std::string(payload));
}

const std::string kPingreq = "\xC0\x00"s;
const std::string kPingresp = "\xD0\x00"s;
const std::string kDisconnect = "\xE0\x00"s;
const std::string kConnack = "\x20\x02\x00\x00"s;
const std::string kConnackPresent = "\x20\x02\x01\x00"s;
std::string connack(char code) {
  return "\x20\x02\x00"s + code;
}
std::string puback(std::size_t id) {
  return "\x40\x02"s + u16(id);
}
std::string suback(std::size_t id, const std::string& codes) {
  return packet(0x90, u16(id) + codes);
}

constexpr std::string_view kTwinResponses = "$iothub/twin/res/#";
constexpr std::string_view kDesiredPatches = "$iothub/twin/PATCH/properties/desired/#";
constexpr std::string_view kEvents = "devices/d1/messages/events/";

// ---- a hub with device d1 and module d1/m1, and any number of connections -----------------------------------------

struct World : test::TestHub {
  World() : World(options({"localhost"})) {}
  explicit World(hub::HubOptions hub_options) : TestHub(std::move(hub_options)) {
    create("d1");
    create("d1", "m1");
    hubs.add(hub);
    REQUIRE(hub.commit());
  }

  std::string token(const Identity& identity, std::int64_t seconds = 3600) {
    const std::string key = hub.registry().get(identity).value().row.primary_key.value();
    const std::string path = identity.is_module() ? "%2Fmodules%2F" + identity.module.value : "";
    return test::sas_token("localhost%2Fdevices%2F" + identity.device.value + path, key,
                           clock.now().unix_seconds() + seconds);
  }

  ConnectFields fields(const Identity& identity = {{"d1"}, {}}) {
    ConnectFields fields;
    fields.client_id = identity.name();
    fields.user_name = "localhost/" + identity.name() + "/?api-version=2019-10-01";
    fields.password = token(identity);
    return fields;
  }

  std::vector<storage::EventRow> events() {
    std::vector<storage::EventRow> all;
    for (int partition = 0; partition < store->partition_count(); ++partition) {
      for (storage::EventRow& row : store->events(partition, 0, 1000)) all.push_back(std::move(row));
    }
    return all;
  }

  void patch_desired(const char* desired, const Identity& identity = {{"d1"}, {}}) {
    Json body;
    body["properties"]["desired"] = Json::parse(desired);
    REQUIRE(hub.twins().patch(identity, body, hub::IfMatch::none()));
  }

  bool shown_connected(const Identity& identity = {{"d1"}, {}}) { return hub.links().find(identity) != nullptr; }

  void advance(std::chrono::seconds step) {
    clock.advance(step.count());
    scheduler.advance(step);
  }

  hub::HubDirectory hubs;
  heads::SessionEnvironment environment{hubs, scheduler, clock};
};

struct Client {
  explicit Client(World& hub_world) : world(hub_world) { peer.connection_id = "c1"; }

  std::string say(std::string_view bytes) {
    session.receive(std::as_bytes(std::span(bytes)));
    return outbox.take();
  }
  /// Connects and returns the answer.
  std::string connect(const ConnectFields& fields) { return say(connect_packet(fields)); }
  std::string connect() { return connect(world.fields()); }
  std::string subscribe(std::string_view filter, int qos) { return say(subscribe_packet(1, {{filter, qos}})); }

  World& world;
  heads::Peer peer;
  test::FakeOutbox outbox;
  MqttSession session{world.environment, peer, outbox};
};

}  // namespace

// ---- CONNECT ------------------------------------------------------------------------------------------------------

TEST_CASE("a device with its own token is connected and shown so") {
  World world;
  Client client(world);
  CHECK(client.connect() == kConnack);
  CHECK_FALSE(client.outbox.closed);
  CHECK(client.session.hub() == &world.hub);
  CHECK(world.shown_connected());
}

TEST_CASE("a module connects beside its device") {
  World world;
  Client device(world);
  Client module(world);
  device.connect();
  CHECK(module.connect(world.fields({{"d1"}, {"m1"}})) == kConnack);
  CHECK_FALSE(device.outbox.closed);
  CHECK(world.shown_connected({{"d1"}, {"m1"}}));
}

TEST_CASE("MQTT 5 is refused in its own words and closed") {
  World world;
  Client client(world);
  CHECK(client.say(packet(0x10, field("MQTT") + "\x05\x02"s + u16(60) + "\x00"s + field("d1"))) ==
        "\x20\x03\x00\x84\x00"s);
  CHECK(client.outbox.closed);
}

TEST_CASE("MQTT 3.1 and unknown levels are refused with return code 1") {
  const std::string old = packet(0x10, field("MQIsdp") + "\x03\x02"s + u16(60) + field("d1"));
  const std::string odd = packet(0x10, field("MQTT") + "\x03\x02"s + u16(60) + field("d1"));
  for (const std::string& bytes : {old, odd}) {
    World world;
    Client client(world);
    CHECK(client.say(bytes) == connack(1));
    CHECK(client.outbox.closed);
  }
}

TEST_CASE("an empty client id without clean session is refused with return code 2") {
  World world;
  Client client(world);
  ConnectFields fields = world.fields();
  fields.client_id.clear();
  CHECK(client.connect(fields) == connack(2));
  CHECK(client.outbox.closed);
}

TEST_CASE("every failed authentication is refused with return code 5 and the reason in the log") {
  World world;
  struct Row {
    const char* reason;
    ConnectFields fields;
  };
  std::vector<Row> rows;
  const auto row = [&](const char* reason, auto change) {
    ConnectFields fields = world.fields();
    change(fields);
    rows.push_back({reason, fields});
  };
  row("user name", [](ConnectFields& f) { f.user_name = "d1"; });
  row("client id", [](ConnectFields& f) { f.client_id = "d2"; });
  row("client id", [](ConnectFields& f) {
    f.client_id.clear();
    f.clean_session = true;
  });
  row("client id", [](ConnectFields& f) { f.client_id = "d1/m1"; });
  row("no hub", [](ConnectFields& f) { f.user_name = "other.azure-devices.net/d1/?api-version=2019-10-01"; });
  row("not registered", [](ConnectFields& f) {
    f.client_id = "D1";
    f.user_name = "localhost/D1/?api-version=2019-10-01";
  });
  row("signature", [](ConnectFields& f) { f.password.replace(f.password.find("sig=") + 4, 2, "AA"); });
  row("neither a SAS token nor", [](ConnectFields& f) { f.password.clear(); });
  row("expired", [&](ConnectFields& f) { f.password = world.token({{"d1"}, {}}, -301); });
  for (const Row& refused : rows) {
    CAPTURE(refused.reason);
    Client client(world);
    CHECK(client.connect(refused.fields) == connack(5));
    CHECK(client.outbox.closed);
    CHECK(client.outbox.close_reason.find(refused.reason) != std::string::npos);
    CHECK(client.outbox.close_reason.find(refused.fields.password.empty() ? "sig=" : refused.fields.password) ==
          std::string::npos);
    CHECK_FALSE(world.shown_connected());
  }
}

TEST_CASE("a device with a registered certificate needs no password") {
  World world;
  hub::IdentityWrite write;
  write.authentication_type = "selfSigned";
  write.primary_thumbprint = std::string(40, 'A');
  write.secondary_thumbprint = std::string(40, 'B');
  REQUIRE(world.hub.registry().put({{"x1"}, {}}, write, hub::IfMatch::none()));
  Client client(world);
  client.peer.certificate = hub::ClientCertificate{std::string(40, 'a'), std::string(64, 'c'), "x1"};
  ConnectFields fields;
  fields.client_id = "x1";
  fields.user_name = "localhost/x1/?api-version=2019-10-01";
  CHECK(client.connect(fields) == kConnack);
}

TEST_CASE("the model id of the user name stands in the twin") {
  World world;
  Client client(world);
  ConnectFields fields = world.fields();
  fields.user_name += "&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1";
  CHECK(client.connect(fields) == kConnack);
  CHECK(world.hub.twins().get({{"d1"}, {}}).value().twin->model_id == "dtmi:com:example:Thermostat;1");
}

TEST_CASE("packets in one read with CONNECT are answered after the CONNACK") {
  World world;
  Client client(world);
  CHECK(client.say(connect_packet(world.fields()) + subscribe_packet(7, {{kTwinResponses, 1}}) + kPingreq) ==
        kConnack + suback(7, "\x01") + kPingresp);
}

TEST_CASE("packets split at every byte mean the same") {
  World world;
  Client client(world);
  std::string answers;
  for (const char byte : connect_packet(world.fields()) + publish1(3, kEvents, "body") + kPingreq) {
    answers += client.say(std::string_view(&byte, 1));
  }
  CHECK(answers == kConnack + puback(3) + kPingresp);
  CHECK(world.events().size() == 1);
}

TEST_CASE("the first packet must be CONNECT, and there is only one") {
  World world;
  Client early(world);
  CHECK(early.say(kPingreq).empty());
  CHECK(early.outbox.closed);

  Client twice(world);
  twice.connect();
  CHECK(twice.connect().empty());
  CHECK(twice.outbox.closed);
  CHECK_FALSE(world.shown_connected());
}

TEST_CASE("a connection that never says CONNECT is closed after 30 s") {
  World world;
  Client client(world);
  world.advance(29s);
  CHECK_FALSE(client.outbox.closed);
  world.advance(1s);
  CHECK(client.outbox.closed);
}

TEST_CASE("a CONNECT that claims to be larger than any real one is closed before it is stored") {
  World world;
  Client client(world);
  CHECK(client.say("\x10\xFF\xFF\x3F"s).empty());  // 1 MiB
  CHECK(client.outbox.closed);
}

TEST_CASE("malformed bytes close the connection, and nothing after them is heard") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say("\xF0\x00"s + publish0(kEvents, "late")).empty());
  CHECK(client.outbox.closed);
  CHECK(client.say(publish0(kEvents, "later")).empty());
  CHECK(world.events().empty());
}

// ---- sessions -----------------------------------------------------------------------------------------------------

TEST_CASE("a persistent session keeps its subscriptions, which are live at once on return") {
  World world;
  Client first(world);
  CHECK(first.connect() == kConnack);
  first.subscribe(kDesiredPatches, 0);
  first.say(kDisconnect);
  first.session.closed("peer closed");

  Client second(world);
  CHECK(second.connect() == kConnackPresent);
  world.patch_desired(R"({"a":1})");
  CHECK(second.outbox.take() ==
        publish0("$iothub/twin/PATCH/properties/desired/?$version=2", R"({"a":1,"$version":2})"));
}

TEST_CASE("a session without subscriptions is known too") {
  World world;
  Client first(world);
  first.connect();
  Client second(world);
  CHECK(second.connect() == kConnackPresent);
}

TEST_CASE("a clean session deletes the stored one and leaves none") {
  World world;
  Client first(world);
  first.connect();
  first.subscribe(kDesiredPatches, 1);

  ConnectFields clean = world.fields();
  clean.clean_session = true;
  Client second(world);
  CHECK(second.connect(clean) == kConnack);
  second.subscribe(kTwinResponses, 1);

  Client third(world);
  CHECK(third.connect() == kConnack);
  world.patch_desired(R"({"a":1})");
  CHECK(third.outbox.take().empty());
}

TEST_CASE("an unsubscribed filter stays unsubscribed after the connection") {
  World world;
  Client first(world);
  first.connect();
  first.subscribe(kDesiredPatches, 1);
  CHECK(first.say(unsubscribe_packet(9, kDesiredPatches)) == "\xB0\x02\x00\x09"s);
  world.patch_desired(R"({"a":1})");
  CHECK(first.outbox.take().empty());

  Client second(world);
  CHECK(second.connect() == kConnackPresent);
  world.patch_desired(R"({"a":2})");
  CHECK(second.outbox.take().empty());
}

// ---- SUBSCRIBE ----------------------------------------------------------------------------------------------------

TEST_CASE("SUBSCRIBE grants at most QoS 1, filter by filter") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(subscribe_packet(
            5, {{"devices/d1/messages/devicebound/#", 2}, {"$iothub/methods/POST/#", 0}, {kTwinResponses, 1}})) ==
        suback(5, "\x01\x00\x01"s));
}

TEST_CASE("one foreign filter closes the connection without a SUBACK, and nothing of the packet is kept") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(subscribe_packet(5, {{kDesiredPatches, 1}, {"devices/d2/messages/devicebound/#", 1}})).empty());
  CHECK(client.outbox.closed);
  CHECK(world.hub.sessions().load({{"d1"}, {}}) == "");
}

TEST_CASE("UNSUBSCRIBE of an unknown filter is acknowledged") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(unsubscribe_packet(6, "tema")) == "\xB0\x02\x00\x06"s);
  CHECK_FALSE(client.outbox.closed);
}

// ---- telemetry ----------------------------------------------------------------------------------------------------

TEST_CASE("telemetry with QoS 1 is stored with its properties and acknowledged") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish1(10, "devices/d1/messages/events/%24.mid=m1&%24.ct=application%2Fjson&b=1&a=2",
                            R"({"t":1})")) == puback(10));
  const auto events = world.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].device_id == "d1");
  CHECK(events[0].body == R"({"t":1})");
  CHECK(Json::parse(events[0].system_properties) == Json({{"message-id", "m1"}, {"content-type", "application/json"}}));
  CHECK(events[0].properties == R"([["b","1"],["a","2"]])");
  CHECK(events[0].auth_method.find(R"("scope":"device")") != std::string::npos);
}

TEST_CASE("telemetry with QoS 0 is stored and not acknowledged") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish0("devices/d1/messages/events", "x")).empty());
  CHECK(world.events().size() == 1);
}

TEST_CASE("a module's output is stored as the module's") {
  World world;
  Client client(world);
  client.connect(world.fields({{"d1"}, {"m1"}}));
  client.say(publish1(1, "devices/d1/modules/m1/messages/events/%24.on=out1/", "x"));
  const auto events = world.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].module_id == "m1");
  CHECK(events[0].system_properties == R"({"output-name":"out1"})");
}

TEST_CASE("RETAIN on telemetry becomes a property and the message is stored") {
  World world;
  Client client(world);
  client.connect();
  client.say(packet(0x31, field(kEvents) + "x"));
  REQUIRE(world.events().size() == 1);
  CHECK(world.events()[0].properties == R"([["mqtt-retain","true"]])");
}

TEST_CASE("a repeated PUBLISH is stored again and acknowledged, without a mark") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(packet(0x3A, field(kEvents) + u16(4) + "x")) == puback(4));
  REQUIRE(world.events().size() == 1);
  CHECK(world.events()[0].properties.empty());
}

TEST_CASE("256 KiB of telemetry is taken, one byte more closes without a PUBACK") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish1(1, kEvents, std::string(hub::kMaxTelemetryBytes, 'x'))) == puback(1));
  CHECK(client.say(publish1(2, kEvents, std::string(hub::kMaxTelemetryBytes + 1, 'x'))).empty());
  CHECK(client.outbox.closed);
  CHECK(world.events().size() == 1);
}

TEST_CASE("QoS 2, foreign topics and malformed property bags close without an answer") {
  for (const std::string& bytes :
       {packet(0x34, field(kEvents) + u16(1) + "x"), publish1(1, "test", "x"),
        publish1(1, "devices/d2/messages/events/", "x"), publish1(1, "devices/d1/messages/events/k=%zz", "x"),
        publish1(1, "devices/d1/messages/events/k=%ff", "x"), "\x50\x02\x00\x01"s, "\x62\x02\x00\x01"s,
        "\x70\x02\x00\x01"s}) {
    World world;
    Client client(world);
    client.connect();
    CHECK(client.say(bytes).empty());
    CHECK(client.outbox.closed);
    CHECK(world.events().empty());
    CHECK_FALSE(world.shown_connected());
  }
}

TEST_CASE("a method response that nobody waits for is acknowledged and ignored") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish1(8, "$iothub/methods/res/200/?$rid=1", "null")) == puback(8));
  CHECK_FALSE(client.outbox.closed);
}

// ---- twin ---------------------------------------------------------------------------------------------------------

TEST_CASE("a twin GET is answered with the granted QoS and the rid exactly as sent") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kTwinResponses, 0);
  const std::string body = R"({"desired":{"$version":1},"reported":{"$version":1}})";
  CHECK(client.say(publish0("$iothub/twin/GET/?$rid=a%20b", " ")) ==
        publish0("$iothub/twin/res/200/?$rid=a%20b", body));
  client.subscribe(kTwinResponses, 1);
  CHECK(client.say(publish1(2, "$iothub/twin/GET/?$rid=2", "")) ==
        puback(2) + publish1(1, "$iothub/twin/res/200/?$rid=2", body));
}

TEST_CASE("a reported patch is answered with 204 and the new version") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kTwinResponses, 0);
  CHECK(client.say(publish1(3, "$iothub/twin/PATCH/properties/reported/?$rid=1", R"({"battery":90})")) ==
        puback(3) + publish0("$iothub/twin/res/204/?$rid=1&$version=2", ""));
  CHECK(world.hub.twins().get({{"d1"}, {}}).value().twin->reported.values == Json({{"battery", 90}}));
}

TEST_CASE("a client that did not subscribe to the responses gets none, but its patch counts") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish1(3, "$iothub/twin/PATCH/properties/reported/?$rid=1", R"({"battery":90})")) == puback(3));
  CHECK(client.say(publish0("$iothub/twin/GET/?$rid=2", "")).empty());
  CHECK(client.say(publish0("$iothub/twin/PATCH/properties/reported/?$rid=3", "no JSON")).empty());
  CHECK_FALSE(client.outbox.closed);
  CHECK(world.hub.twins().get({{"d1"}, {}}).value().twin->reported.version == 2);
}

TEST_CASE("a refused patch is answered with the bare error object") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kTwinResponses, 0);
  for (const char* payload : {"no JSON", "[1]", R"({"a":1)", ""}) {
    CAPTURE(payload);
    const std::string answer = client.say(publish0("$iothub/twin/PATCH/properties/reported/?$rid=9", payload));
    const std::string topic = field("$iothub/twin/res/400/?$rid=9");
    const std::size_t at = answer.find(topic);
    REQUIRE(at != std::string::npos);
    const Json error = Json::parse(answer.substr(at + topic.size()));
    CHECK(error.at("errorCode") == 400004);
    CHECK(error.at("trackingId").get<std::string>().find("-G:0-TimeStamp:11/22/2026 02:33:52") == 32);
    CHECK(error.at("message").is_string());
    CHECK(error.at("timestampUtc") == "2026-11-22T02:33:52Z");
    CHECK(error.size() == 4);
  }
}

TEST_CASE("a client that named no api-version reads its twin but may not report") {
  World world;
  Client client(world);
  ConnectFields fields = world.fields();
  fields.user_name = "localhost/d1";
  client.connect(fields);
  client.subscribe(kTwinResponses, 0);
  CHECK(client.say(publish0("$iothub/twin/GET/?$rid=1", "")).find("$iothub/twin/res/200/?$rid=1") != std::string::npos);
  CHECK(client.say(publish0("$iothub/twin/PATCH/properties/reported/?$rid=2", R"({"a":1})"))
            .find("$iothub/twin/res/400/?$rid=2") != std::string::npos);
  CHECK(world.hub.twins().get({{"d1"}, {}}).value().twin->reported.version == 1);
}

TEST_CASE("a desired change reaches its subscriber with QoS 1 and packet ids of the hub's own") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDesiredPatches, 1);
  world.patch_desired(R"({"a":1})");
  world.patch_desired(R"({"a":2})");
  CHECK(client.outbox.take() ==
        publish1(1, "$iothub/twin/PATCH/properties/desired/?$version=2", R"({"a":1,"$version":2})") +
            publish1(2, "$iothub/twin/PATCH/properties/desired/?$version=3", R"({"a":2,"$version":3})"));
}

TEST_CASE("packet ids wrap and skip those that still wait for a PUBACK") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDesiredPatches, 1);
  const hub::DesiredChange change{"{}", 2};
  const auto next_id = [&] {
    client.session.desired_changed(change);
    const std::string sent = client.outbox.take();
    return sent.size() < 4 ? std::string() : sent.substr(sent.size() - 4, 2);
  };
  CHECK(next_id() == u16(1));  // never acknowledged
  for (std::size_t id = 2; id <= 65535; ++id) {
    next_id();
    client.say(puback(id));
  }
  CHECK(next_id() == u16(2));
}

TEST_CASE("a client that acknowledges nothing is closed when no packet id is left") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDesiredPatches, 1);
  const hub::DesiredChange change{"{}", 2};
  for (int i = 0; i < 65535; ++i) client.session.desired_changed(change);
  CHECK_FALSE(client.outbox.closed);
  client.session.desired_changed(change);
  CHECK(client.outbox.closed);
  CHECK(client.outbox.close_reason.find("PUBACK") != std::string::npos);
}

// ---- the end ------------------------------------------------------------------------------------------------------

TEST_CASE("PINGREQ is answered, and DISCONNECT ends the connection at once") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(kPingreq) == kPingresp);
  CHECK(client.say(kDisconnect + kPingreq).empty());
  CHECK(client.outbox.closed);
  CHECK_FALSE(world.shown_connected());
}

TEST_CASE("a silent client is closed after one and a half times its keep-alive, a speaking one is not") {
  World world;
  Client client(world);
  client.connect();  // keep-alive 60
  world.advance(89s);
  client.say(kPingreq);
  world.advance(89s);
  CHECK_FALSE(client.outbox.closed);
  world.advance(1s);
  CHECK(client.outbox.closed);
  CHECK_FALSE(world.shown_connected());
}

TEST_CASE("keep-alive 0 and very long ones mean 1767 s") {
  for (const int keep_alive : {0, 65535}) {
    World world;
    Client client(world);
    ConnectFields fields = world.fields();
    fields.keep_alive = keep_alive;
    client.connect(fields);
    world.advance(1766s);
    CHECK_FALSE(client.outbox.closed);
    world.advance(1s);
    CHECK(client.outbox.closed);
  }
}

TEST_CASE("a link ends ten minutes after its token did") {
  World world;
  Client client(world);
  ConnectFields fields = world.fields();
  fields.password = world.token({{"d1"}, {}}, 100);
  client.connect(fields);
  for (int second = 0; second < 699; ++second) {
    world.advance(1s);
    if (second % 30 == 0) client.say(kPingreq);
  }
  CHECK_FALSE(client.outbox.closed);
  world.advance(1s);
  CHECK(client.outbox.closed);
  CHECK(client.outbox.close_reason == "the SAS token has expired");
}

TEST_CASE("a second connection of the same identity takes over, and the late end of the first changes nothing") {
  World world;
  Client first(world);
  first.connect();
  Client second(world);
  CHECK(second.connect() == kConnackPresent);
  CHECK(first.outbox.closed);
  CHECK(first.outbox.bytes.empty());
  CHECK(first.outbox.close_reason.find("400027") != std::string::npos);
  first.session.closed("closed by this side");
  CHECK(world.shown_connected());
  second.subscribe(kDesiredPatches, 0);
  world.patch_desired(R"({"a":1})");
  CHECK_FALSE(second.outbox.take().empty());
}

TEST_CASE("disabling or deleting a device closes its connection without another byte, and sends no will") {
  World world;
  for (const bool remove : {false, true}) {
    Client client(world);
    ConnectFields fields = world.fields();
    fields.will_topic = kEvents;
    fields.will_payload = "gone";
    client.connect(fields);
    hub::IdentityWrite write;
    write.enabled = remove;
    write.primary_key = world.hub.registry().get({{"d1"}, {}}).value().row.primary_key;
    write.secondary_key = world.hub.registry().get({{"d1"}, {}}).value().row.secondary_key;
    if (remove) {
      REQUIRE(world.hub.registry().remove({{"d1"}, {}}, hub::IfMatch::any()));
    } else {
      REQUIRE(world.hub.registry().put({{"d1"}, {}}, write, hub::IfMatch::any()));
    }
    CHECK(client.outbox.closed);
    CHECK(client.outbox.bytes.empty());
    client.session.closed("closed by this side");
    CHECK(world.events().empty());
    if (!remove) {
      write.enabled = true;
      REQUIRE(world.hub.registry().put({{"d1"}, {}}, write, hub::IfMatch::any()));
    }
  }
}

TEST_CASE("a failed commit closes the connection") {
  World world;
  Client client(world);
  client.connect();
  client.session.commit_failed();
  CHECK(client.outbox.closed);
  CHECK_FALSE(world.shown_connected());
}

TEST_CASE("a will is published as telemetry when the connection is lost, taken over, silent or malformed") {
  const auto lost = [](Client&) {};
  const auto taken_over = [](Client& client) {
    Client other(client.world);
    other.connect();
  };
  const auto silent = [](Client& client) { client.world.advance(90s); };
  const auto malformed = [](Client& client) { client.say("\xF0\x00"s); };
  const auto expired = [](Client& client) {
    for (int i = 0; i < 4200; i += 60) {
      client.world.advance(60s);
      client.say(kPingreq);
    }
  };
  for (void (*vanish)(Client&) : {+lost, +taken_over, +silent, +malformed, +expired}) {
    World world;
    Client client(world);
    ConnectFields fields = world.fields();
    fields.will_topic = "devices/d1/messages/events/k=v";
    fields.will_payload = "gone";
    fields.will_retain = true;
    client.connect(fields);
    vanish(client);
    CHECK(world.events().empty());
    client.session.closed("peer closed");
    REQUIRE(world.events().size() == 1);
    CHECK(world.events()[0].body == "gone");
    CHECK(world.events()[0].properties == R"([["k","v"],["mqtt-retain","true"],["iothub-MessageType","Will"]])");
  }
}

TEST_CASE("no will is published after DISCONNECT, nor one for another topic") {
  World world;
  ConnectFields fields = world.fields();
  fields.will_payload = "gone";
  {
    Client client(world);
    fields.will_topic = kEvents;
    client.connect(fields);
    client.say(kDisconnect);
    client.session.closed("peer closed");
  }
  {
    Client client(world);
    fields.will_topic = "devices/d2/messages/events/";
    CHECK(client.connect(fields) == kConnackPresent);
    client.session.closed("peer closed");
  }
  CHECK(world.events().empty());
}

TEST_CASE("a lost connection is shown disconnected, and a refused one leaves no trace") {
  World world;
  Client client(world);
  client.connect();
  client.session.closed("peer closed");
  CHECK_FALSE(world.shown_connected());
  Client refused(world);
  refused.connect(ConnectFields{});
  refused.session.closed("closed by this side");
  CHECK(world.events().empty());
}

TEST_CASE("the reason of a refusal is one line, whatever the client said") {
  World world;
  Client client(world);
  ConnectFields fields = world.fields();
  fields.password = test::sas_token("evil%0Ahost%2Fdevices%2Fd1",
                                    world.hub.registry().get({{"d1"}, {}}).value().row.primary_key.value(),
                                    world.clock.now().unix_seconds() + 60);
  CHECK(client.connect(fields) == connack(5));
  CHECK(client.outbox.close_reason.find("evil?host") != std::string::npos);
  CHECK(client.outbox.close_reason.find('\n') == std::string::npos);
}

// ---- cloud-to-device messages ---------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kDevicebound = "devices/d1/messages/devicebound/#";
const std::string kTopicOfMessage = "devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2FdeviceBound";

void send(World& world, const std::string& body, const Identity& to = {{"d1"}, {}}) {
  hub::C2dMessage message;
  message.body = body;
  REQUIRE(world.hub.c2d().send(to, message));
}

std::int64_t waiting(World& world, const Identity& of = {{"d1"}, {}}) {
  return world.hub.c2d().count(of);
}

/// As the hub publishes with QoS 1.
std::string push(std::size_t id, std::string_view topic, std::string_view payload, bool duplicate = false) {
  return packet(duplicate ? 0x3A : 0x32, field(topic) + u16(id) + std::string(payload));
}

}  // namespace

TEST_CASE("a message is published with QoS 1 and completed by its PUBACK") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDevicebound, 1);
  send(world, "hello");
  CHECK(client.outbox.take() == push(1, kTopicOfMessage, "hello"));
  CHECK(waiting(world) == 1);
  CHECK(client.say(puback(1)).empty());
  CHECK(waiting(world) == 0);
  CHECK(client.say(puback(1)).empty());
  CHECK(client.say(puback(77)).empty());
  CHECK_FALSE(client.outbox.closed);
}

TEST_CASE("with QoS 0 a message is complete when it is published") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDevicebound, 0);
  send(world, "hello");
  CHECK(client.outbox.take() == publish0(kTopicOfMessage, "hello"));
  CHECK(waiting(world) == 0);
}

TEST_CASE("messages wait for the subscription and follow its SUBACK") {
  World world;
  send(world, "one");
  send(world, "two");
  Client client(world);
  CHECK(client.connect() == kConnack);
  CHECK(client.subscribe(kDevicebound, 1) ==
        suback(1, "\x01") + push(1, kTopicOfMessage, "one") + push(2, kTopicOfMessage, "two"));
  CHECK(client.subscribe(kDevicebound, 1) == suback(1, "\x01"));  // once only
}

TEST_CASE("a kept session gets its messages right after CONNACK, unacknowledged ones again with DUP") {
  World world;
  {
    Client client(world);
    client.connect();
    client.subscribe(kDevicebound, 1);
    send(world, "one");
    send(world, "two");
    client.say(puback(2));
    client.session.closed("the network went");
  }
  send(world, "three");
  Client client(world);
  CHECK(client.connect() ==
        kConnackPresent + push(1, kTopicOfMessage, "one", true) + push(2, kTopicOfMessage, "three"));
  client.say(puback(1) + puback(2));
  CHECK(waiting(world) == 0);
}

TEST_CASE("a take-over redelivers to the newer connection only") {
  World world;
  Client older(world);
  older.connect();
  older.subscribe(kDevicebound, 1);
  send(world, "one");
  older.outbox.take();
  Client newer(world);
  CHECK(newer.connect() == kConnackPresent + push(1, kTopicOfMessage, "one", true));
  CHECK(older.outbox.closed);
  CHECK(older.outbox.take().empty());
  older.say(puback(1));
  CHECK(waiting(world) == 1);
  newer.say(puback(1));
  CHECK(waiting(world) == 0);
}

TEST_CASE("a silent, connected device gets nothing twice; after the message's time its PUBACK says nothing") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDevicebound, 1);
  send(world, "one");
  client.outbox.take();
  for (int minute = 0; minute < 60; ++minute) {
    world.advance(30s);
    CHECK(client.say(kPingreq) == kPingresp);
    world.advance(30s);
    CHECK(client.say(kPingreq) == kPingresp);
  }
  CHECK(waiting(world) == 0);
  CHECK(client.say(puback(1)).empty());
  CHECK_FALSE(client.outbox.closed);
}

TEST_CASE("a module's messages come on its own topic, for either of its filters") {
  for (const char* filter : {"devices/d1/modules/m1/messages/devicebound/#", "devices/d1/modules/m1/#"}) {
    CAPTURE(filter);
    World world;
    Client client(world);
    const Identity module{{"d1"}, {"m1"}};
    client.connect(world.fields(module));
    client.subscribe(filter, 1);
    send(world, "to the device");
    CHECK(client.outbox.take().empty());
    send(world, "hello", module);
    CHECK(client.outbox.take() == push(1,
                                       "devices/d1/modules/m1/messages/devicebound/"
                                       "%24.to=%2Fdevices%2Fd1%2Fmodules%2Fm1%2Fmessages%2FdeviceBound",
                                       "hello"));
    client.say(puback(1));
    CHECK(waiting(world, module) == 0);
  }
}

TEST_CASE("a message whose properties do not fit a topic waits") {
  World world;
  Client client(world);
  client.connect();
  client.subscribe(kDevicebound, 1);
  hub::C2dMessage message;
  message.properties = {{"p", std::string(30'000, '/')}};
  REQUIRE(world.hub.c2d().send({{"d1"}, {}}, message));
  CHECK(client.outbox.take().empty());
  CHECK_FALSE(client.outbox.closed);
  CHECK(waiting(world) == 1);
}

// ---- faults that a device asks for (fault-injection.md) -------------------------------------------------------------

namespace {

struct FaultWorld : World {
  FaultWorld() : World(with_faults()) {}
  static hub::HubOptions with_faults() {
    hub::HubOptions options = TestHub::options({"localhost"});
    options.fault_injection = true;
    return options;
  }
};

std::string fault_topic(std::string_view type, std::string_view delay) {
  return std::string(kEvents) + "AzIoTHub_FaultOperationType=" + std::string(type) +
         "&AzIoTHub_FaultOperationCloseReason=boom&AzIoTHub_FaultOperationDelayInSecs=" + std::string(delay) +
         "&AzIoTHub_FaultOperationDurationInSecs=5";
}

}  // namespace

TEST_CASE("an ordinary hub takes a fault message as telemetry") {
  World world;
  Client client(world);
  client.connect();
  CHECK(client.say(publish1(7, fault_topic("KillTcp", "0"), "x")) == puback(7));
  CHECK(world.events().size() == 1);
}

TEST_CASE("a fault message is neither acknowledged nor stored, and the connection ends after its delay") {
  for (const auto& [type, cut] : {std::pair{"KillTcp", true},
                                  {"killtcp", true},
                                  {"ShutDownMqtt", false},
                                  {"InvokeThrottling", false},
                                  {"InvokeMaxMessageQuota", false},
                                  {"InvokeAuthError", false}}) {
    CAPTURE(type);
    FaultWorld world;
    Client client(world);
    client.connect();
    CHECK(client.say(publish1(7, fault_topic(type, "2"), "x")).empty());
    CHECK(client.say(publish1(8, kEvents, "y")) == puback(8));
    world.advance(1s);
    CHECK_FALSE(client.outbox.closed);
    world.advance(1s);
    CHECK(client.outbox.closed);
    CHECK(client.outbox.aborted == cut);
    CHECK(client.outbox.close_reason.find("boom") != std::string::npos);
    CHECK_FALSE(world.shown_connected());
    CHECK(world.events().size() == 1);

    Client again(world);
    CHECK(again.connect() == kConnackPresent);
  }
}

TEST_CASE("a fault of another transport, and one that cannot be read, end the connection at once with the reason") {
  for (const std::string& topic : {fault_topic("KillAmqpSession", "0"), fault_topic("KillEverything", "0"),
                                   fault_topic("KillTcp", "soon"), fault_topic("KillTcp", "-1")}) {
    CAPTURE(topic);
    FaultWorld world;
    Client client(world);
    client.connect();
    CHECK(client.say(publish1(7, topic, "x")).empty());
    CHECK(client.outbox.closed);
    CHECK(client.outbox.close_reason.find("fault refused") != std::string::npos);
    CHECK(world.events().empty());
  }
}

// ---- throttles and quotas (--tier) ----------------------------------------------------------------------------------

namespace {

struct SizedWorld : World {
  explicit SizedWorld(hub::Tier tier) : World(sized(tier)) {}
  static hub::HubOptions sized(hub::Tier tier) {
    hub::HubOptions options = TestHub::options({"localhost"});
    options.size = hub::HubSize{tier, 1};
    return options;
  }
  /// Draws all that may be drawn at once.
  void exhaust(hub::Operation operation) {
    while (hub.throttle().admit(operation)) continue;
  }
};

}  // namespace

TEST_CASE("telemetry over the throttle and over the day's quota is not acknowledged, and the hub disconnects") {
  for (const bool by_quota : {false, true}) {
    SizedWorld world(hub::Tier::f1);
    Client client(world);
    client.connect();
    CHECK(client.say(publish1(7, kEvents, "x")) == puback(7));
    if (by_quota) {
      world.hub.throttle().charge(8000 * 512);
    } else {
      world.exhaust(hub::Operation::d2c_send);
    }
    CHECK(client.say(publish1(8, kEvents, "y")).empty());
    CHECK(client.outbox.closed);
    CHECK(client.outbox.close_reason.find(by_quota ? "exceeded the allocated quota" : "throttled") !=
          std::string::npos);
    CHECK(world.events().size() == 1);
  }
}

TEST_CASE("a connection over the throttle is refused with return code 3") {
  SizedWorld world(hub::Tier::s1);
  world.exhaust(hub::Operation::connection);
  Client client(world);
  CHECK(client.connect() == connack(3));
  world.clock.advance(1);
  Client later(world);
  CHECK(later.connect() == kConnack);
}

TEST_CASE("twin requests over the throttle are answered with 429, and in a basic tier with 403") {
  for (const auto& [tier, status] : {std::pair{hub::Tier::s1, "429"}, {hub::Tier::b1, "403"}}) {
    SizedWorld world(tier);
    Client client(world);
    client.connect();
    client.say(subscribe_packet(1, {{kTwinResponses, 0}}));
    if (tier == hub::Tier::s1) {
      world.exhaust(hub::Operation::twin_read);
      world.exhaust(hub::Operation::twin_write);
    }
    const std::string topic = "$iothub/twin/res/" + std::string(status) + "/?$rid=";
    CHECK(client.say(publish0("$iothub/twin/GET/?$rid=1", "")).find(topic + "1") != std::string::npos);
    CHECK(client.say(publish0("$iothub/twin/PATCH/properties/reported/?$rid=2", R"({"a":1})")).find(topic + "2") !=
          std::string::npos);
    CHECK_FALSE(client.outbox.closed);
  }
}

// ---- who looks ----------------------------------------------------------------------------------------------------

namespace {

struct Told final : heads::WireTap {
  void packet(const heads::WirePacket& packet) override { packets.push_back(packet); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const heads::WirePacket& each : packets) all.push_back((each.sent ? ">" : "<") + each.name);
    return all;
  }
  std::vector<heads::WirePacket> packets;
};

/// What the client says, and then what is answered, as net tells it.
void say_watched(Client& client, Told& told, std::string_view bytes) {
  const std::string answer = client.say(bytes);
  client.session.tell_sent(std::as_bytes(std::span(answer)), told);
}

}  // namespace

TEST_CASE("each packet of a connection is told with its fields, and the password is not") {
  World world;
  Client client(world);
  Told told;
  client.session.tap(&told);
  ConnectFields fields = world.fields();
  fields.will_topic = "devices/d1/messages/events/";
  fields.will_payload = "gone";
  say_watched(client, told, connect_packet(fields));
  say_watched(client, told, subscribe_packet(3, {{kTwinResponses, 0}}));
  say_watched(client, told, publish1(4, "devices/d1/messages/events/level=hot", "{\"t\":1}"));
  say_watched(client, told, kPingreq);
  CHECK(told.names() == std::vector<std::string>{"<CONNECT", ">CONNACK", "<SUBSCRIBE", ">SUBACK", "<PUBLISH", ">PUBACK",
                                                 "<PINGREQ", ">PINGRESP"});

  const Json& connect = told.packets[0].fields;
  CHECK(connect["clientId"] == "d1");
  CHECK(connect["keepAlive"] == 60);
  CHECK(connect["will"]["payload"]["text"] == "gone");
  CHECK(connect["password"] == "(" + std::to_string(fields.password.size()) + " bytes, cut)");
  CHECK(connect.dump().find("SharedAccessSignature") == std::string::npos);
  CHECK(told.packets[0].bytes == connect_packet(fields).size());
  CHECK(told.packets[1].fields["meaning"] == "accepted");
  CHECK(told.packets[2].fields["filters"][0]["filter"] == kTwinResponses);
  CHECK(told.packets[3].fields["returnCodes"] == Json::array({0}));
  CHECK(told.packets[4].fields["topic"] == "devices/d1/messages/events/level=hot");
  CHECK(told.packets[4].fields["payload"]["text"] == "{\"t\":1}");
  CHECK(told.packets[5].fields["packetId"] == 4);
}

TEST_CASE("a packet that comes in pieces is told once, also to who began to look in its middle") {
  World world;
  Client client(world);
  client.connect();
  Told told;
  const std::string publish = publish1(4, kEvents, "hello");
  client.say(std::string_view(publish).substr(0, 10));
  client.session.tap(&told);
  client.say(std::string_view(publish).substr(10));
  CHECK(told.names() == std::vector<std::string>{"<PUBLISH"});
  CHECK(told.packets[0].fields["payload"]["text"] == "hello");
}

TEST_CASE("a packet that a fault rule delays is told once, and one that is malformed with its reason") {
  World world;
  hub::FaultRule delay;
  delay.action = hub::FaultRule::Action::delay;
  delay.operation = "telemetry";
  delay.delay = 2s;
  world.hub.fault_rules().add(delay);
  Client client(world);
  client.connect();
  Told told;
  client.session.tap(&told);
  client.say(publish0(kEvents, "late"));
  world.advance(3s);
  CHECK(world.events().size() == 1);
  client.say("\x36\x05\x00\x01t\x00\x01"s);
  CHECK(told.names() == std::vector<std::string>{"<PUBLISH", "<malformed"});
  CHECK(told.packets[1].fields["reason"].get<std::string>().find("QoS 3") != std::string::npos);
}
