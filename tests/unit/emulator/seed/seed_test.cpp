#include "emulator/seed/seed.h"

#include <doctest/doctest.h>

#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "emulator/hub/auth.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/seed/derived_key.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::test;

namespace {

std::string corpus(const std::string& name) {
  std::ifstream stream(std::string(IOTHUB_TEST_DATA) + "/seeds/good/" + name, std::ios::binary);
  REQUIRE_MESSAGE(stream, name);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<seed::Seed> seeds(const std::string& text) {
  auto parsed = seed::parse(text, "s.yaml");
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? std::string() : parsed.error().text()));
  std::vector<seed::Seed> list;
  list.push_back(std::move(*parsed));
  return list;
}

std::vector<std::string> changes_of(hub::Hub& hub, const std::string& text) {
  auto applied = seed::apply(hub, seeds(text));
  REQUIRE_MESSAGE(applied.has_value(), (applied ? std::string() : applied.error().text()));
  REQUIRE(hub.commit());
  return applied->changes;
}

std::string refusal(hub::Hub& hub, const std::string& text) {
  const auto applied = seed::apply(hub, seeds(text));
  return applied ? "applied" : applied.error().text();
}

std::string printed(const hub::Json& json) {
  return json.dump(1);
}

/// Hears what a connected device hears.
class Listener final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange& change) override { heard.push_back(change.payload); }
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override { closed = true; }

  std::vector<std::string> heard;
  bool closed = false;
};

}  // namespace

TEST_CASE("an exported leaf whose parentScopes are not its deviceScope is applied once") {
  TestHub test;
  const std::string leaf = R"({"id":"leaf","importMode":"create","authentication":{"type":"certificateAuthority"},)"
                           R"("deviceScope":"ms-other-edge://a-1","parentScopes":["ms-azure-iot-edge://b-1"]})";
  CHECK(changes_of(test.hub, leaf).size() == 1);
  CHECK(changes_of(test.hub, leaf).empty());
}

TEST_CASE("a thumbprint of a device with keys, and keys of one with a certificate, are no change each time") {
  TestHub test;
  const std::string print(40, 'A');
  const std::string keys = R"({primaryKey: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=, )"
                           R"(secondaryKey: MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=})";
  for (const char* type : {"sas", "selfSigned", "certificateAuthority"}) {
    const std::string text = "devices: [{deviceId: " + std::string(type) + ", authentication: {type: " + type +
                             ", symmetricKey: " + keys + ", x509Thumbprint: {primaryThumbprint: " + print + "}}}]";
    CAPTURE(text);
    CHECK(changes_of(test.hub, text).size() == 1);
    CHECK(changes_of(test.hub, text).empty());
  }
}

TEST_CASE("who is to be known by a thumbprint and states none has no keys, an edge device keeps its scope") {
  TestHub test;
  const std::string text =
      "devices: [{deviceId: d, authentication: {type: selfSigned}}, {deviceId: e, capabilities: {iotEdge: true}}]";
  CHECK(changes_of(test.hub, text).size() == 2);
  CHECK_FALSE(test.hub.registry().find({{"d"}})->primary_key);
  CHECK(changes_of(test.hub, text).empty());
  const std::optional<std::string> scope = test.hub.registry().find({{"e"}})->device_scope;
  CHECK(changes_of(test.hub, "devices: [{deviceId: e, status: disabled, capabilities: {iotEdge: true}}]").size() == 1);
  CHECK(test.hub.registry().find({{"e"}})->device_scope == scope);
}

TEST_CASE("a twin that a real hub gave has its thumbprints in capitals") {
  TestHub test;
  const std::string print(40, 'A');
  const std::string twin =
      R"({"deviceId":"t","etag":"AAAAAAAAAAE=","status":"enabled","authenticationType":"selfSigned",)"
      R"("x509Thumbprint":{"PrimaryThumbprint":")" +
      print + R"(","SecondaryThumbprint":null},"version":2,"properties":{"desired":{},"reported":{}}})";
  CHECK(changes_of(test.hub, twin).size() == 1);
  CHECK(test.hub.registry().find({{"t"}})->primary_thumbprint == print);
}

TEST_CASE("a seed makes all that it describes, and applied again it changes nothing") {
  TestHub test;
  CHECK(changes_of(test.hub, corpus("everything.yaml")).size() == 14);

  const storage::IdentityRow leaf = *test.hub.registry().find({{"leaf"}});
  const storage::IdentityRow gateway = *test.hub.registry().find({{"gateway"}});
  CHECK(leaf.device_scope == gateway.device_scope);
  CHECK_FALSE(gateway.enabled);
  CHECK(leaf.primary_key == seed::derived_key("a test", "device", "leaf", "primary"));
  CHECK(test.hub.registry().find({{"gateway"}, {"meter"}})->primary_key ==
        seed::derived_key("a test", "module", "gateway/meter", "primary"));
  CHECK(test.hub.registry().find({{"by-certificate"}})->authentication_type == "selfSigned");
  CHECK(test.hub.auth().policy("readers")->rights == (hub::Rights::registry_read | hub::Rights::service_connect));
  CHECK(test.hub.auth().policy("service")->secondary_key ==
        seed::derived_key("a test", "policy", "service", "secondary"));
  const hub::Twin twin = *test.hub.twins().get({{"leaf"}}).value().twin;
  CHECK(hub::dump(twin.reported.values) == R"({"firmware":"1.0","nested":{"deep":[1,{"a":2}]}})");
  CHECK(twin.model_id == "dtmi:com:example:Thermostat;1");
  CHECK(test.hub.c2d().queued({{"leaf"}}).size() == 2);
  CHECK(test.hub.c2d().queued({{"leaf"}}).at(1).content_type == "application/json");
  CHECK(test.hub.c2d().queued({{"gateway"}, {"meter"}}).at(0).body == std::string("\0\1\2\3", 4));

  CHECK(changes_of(test.hub, corpus("everything.yaml")) == std::vector<std::string>{});
  CHECK(*test.hub.registry().find({{"leaf"}}) == leaf);
  CHECK(*test.hub.registry().find({{"gateway"}}) == gateway);
}

TEST_CASE("a seed makes no events") {
  TestHub test;
  changes_of(test.hub, corpus("everything.yaml"));
  for (int partition = 0; partition < 4; ++partition) CHECK(test.store->next_sequence_number(partition) == 0);
}

TEST_CASE("a message that was received does not come again with the next start, but with the device's next life") {
  TestHub test;
  const std::string seed =
      "devices: [{deviceId: d}]\ncloudToDeviceMessages: [{deviceId: d, body: a}, {deviceId: d, body: a}]\n";
  CHECK(changes_of(test.hub, seed).size() == 3);
  CHECK(test.hub.c2d().purge({{"d"}}).value() == 2);
  CHECK(changes_of(test.hub, seed).empty());
  CHECK(test.hub.registry().remove({{"d"}}, hub::IfMatch::any()));
  CHECK(changes_of(test.hub, seed).size() == 3);
}

TEST_CASE("what a seed does not state stays") {
  TestHub test;
  changes_of(test.hub, "devices: [{deviceId: d, tags: {a: 1, b: 2}, statusReason: new}]");
  const std::string key = *test.hub.registry().find({{"d"}})->primary_key;
  CHECK(key == seed::derived_key(seed::kDefaultKeySeed, "device", "d", "primary"));
  CHECK(changes_of(test.hub, "devices: [{deviceId: d, tags: {b: null, c: 3}}]") ==
        std::vector<std::string>{"device d: tags"});
  CHECK(hub::dump(test.hub.twins().get({{"d"}}).value().twin->tags) == R"({"a":1,"c":3})");
  CHECK(test.hub.registry().find({{"d"}})->status_reason == "new");
  CHECK(*test.hub.registry().find({{"d"}})->primary_key == key);
  CHECK(changes_of(test.hub, "keySeed: other\ndevices: [{deviceId: d}]") ==
        std::vector<std::string>{"device d: identity"});
  CHECK(*test.hub.registry().find({{"d"}})->primary_key == seed::derived_key("other", "device", "d", "primary"));
}

TEST_CASE("a seed that is refused changes nothing, and says where it is wrong") {
  TestHub test;
  test.create("here");
  CHECK(test.hub.commit());
  const std::string before = printed(seed::export_hub(test.hub));
  const std::string good =
      "policies: [{name: p, rights: [DeviceConnect]}]\ndevices:\n  - {deviceId: here, tags: {a: 1}}\n";
  CHECK(refusal(test.hub, good + "  - {deviceId: d, tags: {a.b: 1}}\n").starts_with("s.yaml:4:19: /devices/1/tags: "));
  CHECK(refusal(test.hub, good + "  - {deviceId: d, parent: nobody}\n") ==
        "s.yaml:4:5: /devices/1: its parent 'nobody' is no device of the hub or the seed");
  CHECK(refusal(test.hub, good + "  - {deviceId: d, parent: here}\n") ==
        "s.yaml:4:5: /devices/1: its parent 'here' is no IoT Edge device");
  CHECK(refusal(test.hub, good + "  - {deviceId: d, authentication: {symmetricKey: {primaryKey: short}}}\n")
            .starts_with("s.yaml:4:5: /devices/1: Invalid device key length"));
  CHECK(refusal(test.hub, good + "cloudToDeviceMessages: [{deviceId: d}]\n") ==
        "s.yaml:4:26: /cloudToDeviceMessages/0/deviceId: there is no 'd' in the hub or the seed");
  CHECK(refusal(test.hub, good + "routing: {routes: [{name: r, source: Nothing, endpointNames: [events]}]}\n") ==
        "s.yaml:4:30: /routing/routes/0/source: there is no source 'Nothing'");
  CHECK(refusal(test.hub, good + "configurations: [{id: C, content: {deviceContent: {}}}]\n")
            .starts_with("s.yaml:4:18: /configurations/0: "));
  CHECK(refusal(test.hub, good + "deviceCas: [{name: a, certificate: nonsense}]\n")
            .starts_with("s.yaml:4:23: /deviceCas/0/certificate: "));
  CHECK(test.hub.commit());
  CHECK(printed(seed::export_hub(test.hub)) == before);
}

TEST_CASE("several seeds are applied in order, as one") {
  TestHub test;
  std::vector<seed::Seed> list = seeds("devices: [{deviceId: edge, capabilities: {iotEdge: true}}]");
  list.push_back(seed::parse("devices: [{deviceId: leaf, parent: edge}]", "second").value());
  CHECK(seed::diff(test.hub, list).value().changes ==
        std::vector<std::string>{"device edge: created", "device leaf: created"});
  CHECK(test.hub.registry().find({{"edge"}}) == nullptr);
  CHECK(seed::apply(test.hub, list).has_value());
  CHECK(test.hub.registry().find({{"leaf"}})->device_scope == test.hub.registry().find({{"edge"}})->device_scope);
}

TEST_CASE("connected devices hear of what a seed changes, and of nothing that is refused or only compared") {
  TestHub test;
  test.create("d");
  Listener listener;
  const auto attachment = test.hub.links().attach({{"d"}}, listener);
  const std::string seed = "devices: [{deviceId: d, properties: {desired: {a: 1}}}]";
  CHECK(refusal(test.hub, seed + "\ncloudToDeviceMessages: [{deviceId: nobody}]") != "applied");
  CHECK(seed::diff(test.hub, seeds(seed)).value().changes == std::vector<std::string>{"device d: desired"});
  CHECK(seed::diff(test.hub, seeds("devices: [{deviceId: d, status: disabled}]")).value().changes.size() == 1);
  CHECK(listener.heard.empty());
  CHECK_FALSE(listener.closed);
  changes_of(test.hub, seed);
  CHECK(listener.heard == std::vector<std::string>{R"({"a":1,"$version":2})"});
  changes_of(test.hub, "devices: [{deviceId: d, status: disabled}]");
  CHECK(listener.closed);
}

TEST_CASE("an export applies back to the same state") {
  TestHub first;
  changes_of(first.hub, corpus("everything.yaml"));
  const std::string exported = printed(seed::export_hub(first.hub));
  TestHub second;
  changes_of(second.hub, exported);
  CHECK(printed(seed::export_hub(second.hub)) == exported);
  CHECK(changes_of(second.hub, exported).empty());
  CHECK(changes_of(first.hub, exported).empty());
}

TEST_CASE("an export of any hub applies back to the same state") {
  std::mt19937 chance(20261125);  // a fixed seed: the same hubs in every run
  const auto number = [&](unsigned below) { return static_cast<unsigned>(chance()) % below; };
  const auto word = [&] {
    static constexpr const char* kWords[] = {"a",   "b~/", "ä",   "0x1f", "null",  "true",
                                             "1e5", "#x",  "- y", "*s",   "\"q\"", "😀"};
    return std::string(kWords[number(12)]);
  };
  const std::function<hub::Json(int)> value = [&](int depth) -> hub::Json {
    switch (number(depth > 2 ? 5 : 7)) {
      case 0:
        return number(1000);
      case 1:
        return word();
      case 2:
        return number(2) == 1;
      case 3:
        return 0.25 * number(9);
      case 4:
        return std::string();
      case 5:
        return hub::Json::array({value(depth + 1), word()});
      default: {
        hub::Json object = hub::Json::object();
        for (unsigned i = 0; i < number(4); ++i) object["m" + std::to_string(number(9))] = value(depth + 1);
        return object;
      }
    }
  };
  for (int round = 0; round < 40; ++round) {
    TestHub first;
    std::vector<std::string> devices;
    for (unsigned i = 0; i < 1 + number(6); ++i) {
      const std::string id = "d" + std::to_string(number(20));
      if (first.hub.registry().find({{id}}) != nullptr) continue;
      hub::IdentityWrite write;
      write.iot_edge = number(3) == 0;
      if (!devices.empty() && number(2) == 0) {
        const auto scope = first.hub.registry().find({{devices[number(unsigned(devices.size()))]}})->device_scope;
        if (scope && write.iot_edge) write.parent_scopes = {*scope};
        if (scope && !write.iot_edge) write.device_scope = scope;
      }
      if (number(4) == 0) write.authentication_type = "certificateAuthority";
      if (number(4) == 0) write.status_reason = word();
      REQUIRE(first.hub.registry().put({{id}}, write, hub::IfMatch::none()));
      devices.push_back(id);
      for (unsigned m = 0; m < number(3); ++m) first.create(id, "m" + std::to_string(m));
      const hub::Json body = {{"tags", {{"t", value(0)}}}, {"properties", {{"desired", {{"p", value(0)}}}}}};
      REQUIRE(first.hub.twins().patch({{id}}, body, hub::IfMatch::any()));
      REQUIRE(first.hub.twins().patch_reported({{id}}, {{"r", value(0)}}));
      hub::C2dMessage message;
      message.body = word();
      message.message_id = word();
      if (number(2) == 0) REQUIRE(first.hub.c2d().send({{id}}, message));
      if (number(4) == 0) {
        hub::IdentityWrite off = write;
        off.enabled = false;
        off.device_scope = first.hub.registry().find({{id}})->device_scope;
        REQUIRE(first.hub.registry().put({{id}}, off, hub::IfMatch::any()));
      }
    }
    const std::string exported = printed(seed::export_hub(first.hub));
    TestHub second;
    changes_of(second.hub, exported);
    CHECK(printed(seed::export_hub(second.hub)) == exported);
  }
}

TEST_CASE("what a real hub gives is a seed") {
  TestHub test;
  CHECK(changes_of(test.hub, corpus("devices.txt")) ==
        std::vector<std::string>{"device d1: created, tags, desired", "module d1/m1: created",
                                 "device gateway: created", "device leaf: created"});
  CHECK(changes_of(test.hub, corpus("devices.txt")).empty());
  CHECK(hub::dump(test.hub.twins().get({{"d1"}}).value().twin->desired.values) == R"({"interval":5})");
  CHECK(test.hub.registry().find({{"leaf"}})->device_scope == test.hub.registry().find({{"gateway"}})->device_scope);

  TestHub other;
  CHECK(changes_of(other.hub, corpus("twin.json")) ==
        std::vector<std::string>{"device d1: created, modelId, tags, desired, reported"});
  CHECK(changes_of(other.hub, "[" + corpus("twin.json") + "]").empty());
}

TEST_CASE("mutated seeds are read or refused with their place, and never half applied") {
  std::mt19937 chance(7);
  const auto number = [&](std::size_t below) { return static_cast<std::size_t>(chance()) % below; };
  int applied = 0, refused = 0;
  for (const char* name : {"everything.yaml", "devices.txt", "twin.json"}) {
    const std::string good = corpus(name);
    for (int round = 0; round < 150; ++round) {
      std::string bad = good;
      for (std::size_t i = 0; i <= number(4); ++i) {
        const std::size_t at = number(bad.size());
        switch (number(5)) {
          case 0:
            bad.erase(at, 1 + number(20));
            break;
          case 1:
            bad[at] = static_cast<char>(chance());
            break;
          case 2:
            bad.insert(at, 1, "{}[]:,-&*!|>'\"\\\n\t#%@`?"[number(23)]);
            break;
          case 3:
            bad.insert(at, bad.substr(number(bad.size()), number(40)));
            break;
          default:
            bad.resize(at + 1);
        }
      }
      const auto parsed = seed::parse(bad, "bad");
      TestHub test;
      const std::string before = printed(seed::export_hub(test.hub));
      const auto done =
          parsed ? seed::apply(test.hub, std::vector<seed::Seed>{*parsed}) : seed::Result<seed::Report>(parsed.error());
      if (done) {
        ++applied;
        continue;
      }
      ++refused;
      CHECK(done.error().mark.line >= 1);
      CHECK(done.error().mark.column >= 1);
      CHECK_FALSE(done.error().what.empty());
      CHECK(printed(seed::export_hub(test.hub)) == before);
    }
  }
  CHECK(applied > 20);
  CHECK(refused > 100);
}

TEST_CASE("ten thousand devices are applied in less than two seconds") {
  std::string many = "devices:\n";
  for (int i = 0; i < 10'000; ++i) {
    many += "  - deviceId: device-" + std::to_string(i) + "\n    tags: {floor: " + std::to_string(i % 9) +
            "}\n    properties: {desired: {interval: 5}}\n";
  }
  TestHub test;
  const std::clock_t start = std::clock();  // of the processor: other programs do not count
  CHECK(changes_of(test.hub, many).size() == 10'000);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  MESSAGE("10,000 devices: ", seconds, " s");
#ifdef NDEBUG
  CHECK(seconds < 2);
#endif
}

TEST_CASE("consumer groups of a seed are made once and exported") {
  TestHub test;
  CHECK(changes_of(test.hub, "consumerGroups: [$Default, Dashboards, cold]") ==
        std::vector<std::string>{"consumer group Dashboards: created", "consumer group cold: created"});
  CHECK(changes_of(test.hub, "consumerGroups: [dashboards]").empty());
  CHECK(seed::export_hub(test.hub).at("consumerGroups") == hub::Json::array({"cold", "Dashboards"}));
  CHECK(refusal(test.hub, "consumerGroups: [fine, -bad]").starts_with("s.yaml:1:24: /consumerGroups/1: "));
  CHECK_FALSE(test.hub.events().consumer_groups().contains("fine"));
}

TEST_CASE("hubs of a seed are seeds of their own, with the places of the file") {
  std::vector<seed::Seed> whole = seeds(
      "keySeed: k\nhubs:\n- name: a\n  devices: [{deviceId: d}]\n- name: b\n  keySeed: own\n"
      "  devices: [{deviceId: e, parent: nobody}]\n");
  TestHub test;
  CHECK(seed::diff(test.hub, whole).error().text().starts_with("s.yaml:2:1: /hubs: "));
  const std::vector<seed::SeededHub> hubs = seed::take_hubs(whole.front());
  REQUIRE(hubs.size() == 2);
  CHECK(hubs[0].name == "a");
  CHECK(hubs[0].seed.document.value.at("keySeed") == "k");
  CHECK(hubs[1].seed.document.value.at("keySeed") == "own");
  CHECK(hubs[1].nowhere.mark.line == 5);
  CHECK(seed::diff(test.hub, whole)->changes.empty());
  CHECK(seed::diff(test.hub, std::span(&hubs[0].seed, 1))->changes == std::vector<std::string>{"device d: created"});
  const std::string refused = seed::diff(test.hub, std::span(&hubs[1].seed, 1)).error().text();
  CHECK_MESSAGE(refused.starts_with("s.yaml:7:"), refused);
  CHECK_MESSAGE(refused.find("/hubs/1/devices/0") != refused.npos, refused);
  CHECK_FALSE(seed::parse("hubs: [{name: a}, {name: a}]", "s.yaml").has_value());
}
