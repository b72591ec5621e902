#include "emulator/hub/notifications.h"

#include <doctest/doctest.h>

#include "emulator/hub/routing/routing.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;

namespace {

class IgnoringLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override {}
};

struct NotifyingHub : test::TestHub {
  explicit NotifyingHub(const char* sources_of_routes = R"("DeviceLifecycleEvents","DeviceConnectionStateEvents")")
      : test::TestHub({"hub.example"}) {
    hub::Json routes = hub::Json::array();
    for (const auto& source : hub::Json::parse("[" + std::string(sources_of_routes) + "]")) {
      routes.push_back({{"name", source}, {"source", source}, {"endpointNames", {"events"}}});
    }
    hub.routing().configure(hub::routing::parse_routes(hub::dump({{"routes", routes}})).value(), {});
  }

  std::vector<storage::EventRow> events(const std::string& device) {
    return store->events(hub.events().partition_of({device}), 0, 100);
  }
};

struct TwinChanges : NotifyingHub {
  TwinChanges() : NotifyingHub(R"("TwinChangeEvents")") {}
};

}  // namespace

// Shapes and orders as recorded (corrections.md 7); names and times are the test's.
TEST_CASE_FIXTURE(TwinChanges, "a reported property is an updateTwin event with the touched metadata only") {
  create("d");
  REQUIRE(hub.twins().patch_reported({{"d"}}, hub::Json::parse(R"({"older":1})")));
  clock.advance(10);
  REQUIRE(hub.twins().patch_reported({{"d"}}, hub::Json::parse(R"({"maxTempSinceLastReboot":42.1415152639582})")));
  const auto rows = events("d");
  REQUIRE(rows.size() == 2);
  const storage::EventRow& row = rows[1];
  CHECK(row.body == R"({"version":4,"properties":{"reported":{"maxTempSinceLastReboot":42.1415152639582,)"
                    R"("$metadata":{"$lastUpdated":"2026-11-22T02:34:02Z",)"
                    R"("maxTempSinceLastReboot":{"$lastUpdated":"2026-11-22T02:34:02Z"}},"$version":3}}})");
  CHECK(row.properties == R"([["hubName","hub"],["deviceId","d"],["operationTimestamp","2026-11-22T02:34:02+00:00"],)"
                          R"(["iothub-message-schema","twinChangeNotification"],["opType","updateTwin"]])");
  const hub::Json system = hub::Json::parse(row.system_properties);
  CHECK(system["user-id"] == "hub");
  CHECK(system["correlation-id"].get<std::string>().size() == 12);
  CHECK(system["content-type"] == "application/json");
  CHECK(system["content-encoding"] == "utf-8");
  CHECK(row.source == "twinChangeEvents");
  CHECK(row.auth_method.empty());
  CHECK(row.auth_generation_id.empty());
}

TEST_CASE_FIXTURE(TwinChanges, "a service's patch of tags and desired properties is one updateTwin event") {
  create("d");
  REQUIRE(hub.twins().patch({{"d"}}, hub::Json::parse(R"({"tags":{"a":1},"properties":{"desired":{"p":{"q":2}}}})"),
                            hub::IfMatch::none()));
  const auto rows = events("d");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].body == R"({"version":3,"tags":{"a":1},"properties":{"desired":{"p":{"q":2},)"
                        R"("$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":2,)"
                        R"("p":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":2,)"
                        R"("q":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":2}}},"$version":2}}})");
  CHECK(rows[0].properties.find(R"("2026-11-22T02:33:52Z")") != std::string::npos);
}

TEST_CASE_FIXTURE(TwinChanges, "a replaced twin is a replaceTwin event with all of it") {
  create("d");
  REQUIRE(hub.twins().replace({{"d"}}, hub::Json::parse(R"({"tags":{"a":1}})"), hub::IfMatch::none()));
  const auto rows = events("d");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].body.starts_with(R"({"deviceId":"d","etag":"AAAAAAAAAAI=","version":3,"tags":{"a":1},"properties":)"));
  CHECK(rows[0].properties.ends_with(R"(["opType","replaceTwin"]])"));
}

TEST_CASE_FIXTURE(NotifyingHub,
                  "a new module is a createDeviceIdentity event, and a deleted one deleteDeviceIdentity") {
  create("d");
  create("d", "m");
  REQUIRE(hub.registry().remove({{"d"}, {"m"}}, hub::IfMatch::any()));
  const auto rows = events("d");
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].body == R"({"deviceId":"d","moduleId":"m","etag":"AAAAAAAAAAE=","version":2,"properties":{)"
                        R"("desired":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1},)"
                        R"("reported":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1}}})");
  CHECK(rows[1].properties ==
        R"([["hubName","hub"],["deviceId","d"],["operationTimestamp","2026-11-22T02:33:52Z"],["moduleId","m"],)"
        R"(["opType","createDeviceIdentity"],["iothub-message-schema","deviceLifecycleNotification"]])");
  CHECK(rows[2].body == rows[1].body);
  CHECK(rows[2].properties.find("deleteDeviceIdentity") != std::string::npos);
}

TEST_CASE_FIXTURE(NotifyingHub, "connection events have rising sequence numbers of 64 hex digits") {
  create("d");
  IgnoringLink link;
  {
    const auto attachment = hub.links().attach({{"d"}}, link);
    scheduler.advance(std::chrono::milliseconds(1));
  }
  scheduler.advance(std::chrono::milliseconds(1));
  const auto rows = events("d");
  REQUIRE(rows.size() == 3);  // the first is the device's creation
  CHECK(
      rows[1].properties ==
      R"([["hubName","hub"],["deviceId","d"],["opType","deviceConnected"],)"
      R"(["iothub-message-schema","deviceConnectionStateNotification"],["operationTimestamp","2026-11-22T02:33:52Z"]])");
  CHECK(rows[2].properties.find("deviceDisconnected") != std::string::npos);
  const auto number = [](const storage::EventRow& row) {
    return hub::Json::parse(row.body)["sequenceNumber"].get<std::string>();
  };
  CHECK(number(rows[1]).size() == 64);
  CHECK(number(rows[1]) < number(rows[2]));
}

TEST_CASE_FIXTURE(test::TestHub, "without configuration twin changes are events, life cycle and connections are not") {
  create("d");
  REQUIRE(hub.twins().patch_reported({{"d"}}, hub::Json::parse(R"({"a":1})")));
  IgnoringLink link;
  const auto attachment = hub.links().attach({{"d"}}, link);
  scheduler.advance(std::chrono::milliseconds(1));
  const auto rows = store->events(hub.events().partition_of({"d"}), 0, 10);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].source == "twinChangeEvents");
}

namespace {

struct DigitalTwinChanges : NotifyingHub {
  DigitalTwinChanges() : NotifyingHub(R"("DigitalTwinChangeEvents","TwinChangeEvents")") {
    create("d");
    hub.twins().set_model_id({{"d"}}, "dtmi:com:example:Thermostat;1");
  }
  void report(const char* patch) { REQUIRE(hub.twins().patch_reported({{"d"}}, hub::Json::parse(patch))); }
  void desire(const char* desired) {
    const hub::Json body = {{"properties", {{"desired", hub::Json::parse(desired)}}}};
    REQUIRE(hub.twins().patch({{"d"}}, body, hub::IfMatch::none()));
  }
  storage::EventRow last(const char* source = "digitalTwinChangeEvents") {
    storage::EventRow found;
    for (const auto& row : events("d")) {
      if (row.source == source) found = row;
    }
    return found;
  }
};

}  // namespace

// Bodies as recorded (corrections.md 7).
TEST_CASE_FIXTURE(DigitalTwinChanges, "a first reported property adds its metadata, then its value") {
  report(R"({"serialNumber":"s1"})");
  const storage::EventRow row = last();
  CHECK(row.body ==
        R"([{"op":"add","path":"/$metadata/serialNumber","value":{"lastUpdateTime":"2026-11-22T02:33:52Z"}},)"
        R"({"op":"add","path":"/serialNumber","value":"s1"}])");
  CHECK(row.properties == R"([["hubName","hub"],["deviceId","d"],["operationTimestamp","2026-11-22T02:33:52+00:00"],)"
                          R"(["iothub-message-schema","digitalTwinChangeNotification"],["opType","updateTwin"]])");
  const hub::Json system = hub::Json::parse(row.system_properties);
  CHECK(system["content-type"] == "application/json-patch+json");
  CHECK(system["correlation-id"] == hub::Json::parse(last("twinChangeEvents").system_properties)["correlation-id"]);
}

TEST_CASE_FIXTURE(DigitalTwinChanges, "a component that is new is added whole, later changes are replacements") {
  report(R"({"thermostat1":{"__t":"c","max":25.5}})");
  CHECK(last().body == R"([{"op":"add","path":"/thermostat1","value":{"$metadata":)"
                       R"({"max":{"lastUpdateTime":"2026-11-22T02:33:52Z"}},"max":25.5}}])");
  clock.advance(10);
  report(R"({"thermostat1":{"__t":"c","max":26}})");
  CHECK(last().body == R"([{"op":"replace","path":"/thermostat1/$metadata/max/lastUpdateTime",)"
                       R"("value":"2026-11-22T02:34:02Z"},{"op":"replace","path":"/thermostat1/max","value":26}])");
  report(R"({"thermostat1":null})");
  CHECK(last().body == R"([{"op":"remove","path":"/thermostat1"}])");
}

TEST_CASE_FIXTURE(DigitalTwinChanges, "a desired property adds to the metadata, its acknowledgement too") {
  report(R"({"thermostat1":{"__t":"c","max":25}})");
  desire(R"({"thermostat1":{"__t":"c","targetTemperature":21.8}})");
  CHECK(last().body == R"([{"op":"add","path":"/thermostat1/$metadata/targetTemperature",)"
                       R"("value":{"desiredValue":21.8,"desiredVersion":2}}])");
  report(R"({"thermostat1":{"__t":"c","targetTemperature":{"value":21.8,"ac":200,"ad":"ok","av":2}}})");
  const std::string about = R"({"op":"add","path":"/thermostat1/$metadata/targetTemperature/)";
  CHECK(last().body == "[" + about + R"(ackCode","value":200},)" + about + R"(ackDescription","value":"ok"},)" + about +
                           R"(ackVersion","value":2},)" + about +
                           R"(lastUpdateTime","value":"2026-11-22T02:33:52Z"},)"
                           R"({"op":"add","path":"/thermostat1/targetTemperature","value":21.8}])");
}

TEST_CASE_FIXTURE(DigitalTwinChanges, "tags and devices without a model make no digital twin events") {
  REQUIRE(hub.twins().patch({{"d"}}, hub::Json::parse(R"({"tags":{"a":1}})"), hub::IfMatch::none()));
  CHECK(last().body.empty());
  create("plain");
  REQUIRE(hub.twins().patch_reported({{"plain"}}, hub::Json::parse(R"({"a":1})")));
  for (const auto& row : events("plain")) CHECK(row.source != "digitalTwinChangeEvents");
}

TEST_CASE_FIXTURE(TwinChanges, "what a configuration writes is an updateTwin event") {
  create("d");
  const hub::Json body = {{"content", {{"deviceContent", {{"properties.desired.rate", 5}}}}}, {"targetCondition", "*"}};
  REQUIRE(hub.configurations().put("c", body, hub::IfMatch::none()));
  scheduler.advance(std::chrono::milliseconds{0});
  const auto rows = events("d");
  REQUIRE(rows.size() == 1);
  const hub::Json event = hub::Json::parse(rows[0].body);
  CHECK(event["version"] == 3);
  CHECK(event["properties"]["desired"]["rate"] == 5);
  CHECK(event["properties"]["desired"]["$version"] == 2);
  CHECK(rows[0].properties.find(R"(["opType","updateTwin"])") != std::string::npos);
}
