#include "emulator/hub/routing/explain.h"

#include <doctest/doctest.h>

#include "emulator/hub/query/explain.h"
#include "emulator/hub/twin.h"

using namespace iothub;
using hub::Json;

namespace {

std::string text_of(const char* condition) {
  const auto parsed = hub::query::parse_condition(condition);
  return parsed ? hub::query::text_of(**parsed) : parsed.error().reason;
}

hub::routing::Routes routes(const char* text) {
  return hub::routing::parse_routes(text).value();
}

storage::EventRow message(const char* text) {
  return hub::routing::test_message(Json::parse(text), "DeviceMessages").value();
}

}  // namespace

TEST_CASE("a condition's text says what it means") {
  CHECK(text_of("level='hot'") == "level = 'hot'");
  CHECK(text_of("a = 1 and (b > 2.5 or not c <= 3)") == "a = 1 AND (b > 2.5 OR (NOT c <= 3))");
  CHECK(text_of("(a + 1) * 2 < 3") == "((a + 1) * 2) < 3");
  CHECK(text_of("is_defined($body.x[0].y)") == "IS_DEFINED($body.x[0].y)");
  CHECK(text_of("a in ['x', 'y']") == "a IN ['x', 'y']");
  CHECK(text_of("a != null and b = true") == "a != null AND b = true");
  CHECK(text_of(R"(a = 'b\\c\'')") == R"(a = 'b\\c\'')");
  CHECK(text_of("tags.[[from]].[[a b]][1].[[plain]] = 1") == "tags.[[from]].[[a b]][1].plain = 1");
  // A property that has the source's name.
  CHECK(text_of("devices.devices.a = 1") == "devices.devices.a = 1");
  CHECK(text_of("devices.a = 1 and devices = 1") == "a = 1 AND devices = 1");
}

TEST_CASE("every clause of a route says what it came to, undefined ones too") {
  const auto with = routes(R"({"routes":[{"name":"hot","source":"DeviceMessages","endpointNames":["events"],
      "condition":"level = 'critical' AND $body.temperature > 70 AND $twin.tags.floor = 3"}]})");
  hub::Twin twin;
  twin.tags = Json::parse(R"({"floor":3})");
  const Json explained =
      explain(with, message(R"({"body":{"temperature":60},"systemProperties":{"connectionDeviceId":"d"}})"), &twin);
  const Json& route = explained["routes"][0];
  CHECK(route["name"] == "hot");
  CHECK(route["source"] == "DeviceMessages");
  CHECK_FALSE(route["taken"].get<bool>());
  CHECK(route["condition"]["type"] == "boolean");
  CHECK(route["condition"]["value"] == false);
  const Json& clauses = route["condition"]["operands"];
  REQUIRE(clauses.size() == 3);
  CHECK(clauses[0].dump() == R"({"clause":"level = 'critical'","type":"undefined",)"
                             R"("operands":[{"clause":"level","type":"undefined"}]})");
  CHECK(clauses[1].dump() == R"({"clause":"$body.temperature > 70","type":"boolean","value":false,)"
                             R"("operands":[{"clause":"$body.temperature","type":"number","value":60}]})");
  CHECK(clauses[2]["value"] == true);
  CHECK(explained["fallbackRoute"]["taken"] == true);
  CHECK(explained["endpoints"].dump() == R"(["events"])");
}

TEST_CASE("the fallback route is not needed where a route takes the message") {
  const auto with = routes(R"({"endpoints":[{"name":"f","type":"file","path":"x"}],"routes":[
      {"name":"all","source":"DeviceMessages","endpointNames":["f"]},
      {"name":"off","source":"DeviceMessages","endpointNames":["events"],"isEnabled":false},
      {"name":"twins","source":"TwinChangeEvents","endpointNames":["events"]}]})");
  const Json explained = explain(with, message(R"({"body":"text"})"), nullptr);
  CHECK(explained["endpoints"].dump() == R"(["f"])");
  CHECK(explained["fallbackRoute"]["needed"] == false);
  CHECK(explained["fallbackRoute"]["taken"] == false);
  CHECK(explained["routes"][1]["taken"] == false);
  CHECK(explained["routes"][2]["takesSource"] == false);
}

TEST_CASE("a message to test is read as ARM's route test takes it; a body that is no string is JSON") {
  const auto event = message(R"({"body":{"a":1},"appProperties":{"p":"q","n":5},
                                 "systemProperties":{"messageId":"m","connectionModuleId":"mod"}})");
  CHECK(event.body == R"({"a":1})");
  CHECK(event.properties == R"([["p","q"],["n","5"]])");
  CHECK(event.system_properties ==
        R"({"message-id":"m","content-type":"application/json","content-encoding":"utf-8"})");
  CHECK(event.module_id == "mod");
  CHECK(event.source == "Telemetry");
  CHECK(hub::routing::test_message(Json::parse(R"({"temperature":1})"), "DeviceMessages").has_error());
  CHECK(hub::routing::test_message(Json::parse(R"({"appProperties":[]})"), "DeviceMessages").has_error());
  CHECK(hub::routing::test_message(Json::parse("{}"), "DeviceJobLifecycleEvents").has_error());
}
