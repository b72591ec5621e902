#include "emulator/hub/routing/routing.h"

#include <doctest/doctest.h>

#include "emulator/hub/json.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::routing::parse_routes;

namespace {

class KeptMessages final : public hub::routing::RouteEndpoint {
 public:
  explicit KeptMessages(std::vector<storage::EventRow>& kept) : kept_(kept) {}
  void send(const storage::EventRow& event) override { kept_.push_back(event); }

 private:
  std::vector<storage::EventRow>& kept_;
};

struct RoutedHub : test::TestHub {
  void configure(const std::string& text) {
    hub::routing::RouteEndpoints endpoints;
    endpoints["store"] = std::make_unique<KeptMessages>(kept);
    hub.routing().configure(parse_routes(text).value(), std::move(endpoints));
  }

  void send(hub::Telemetry::Properties properties) {
    const hub::DevicePrincipal from{{{"d"}}, "637", "{}", std::nullopt};
    REQUIRE(hub.events().append(from, {{}, std::move(properties), "body"}));
  }

  std::vector<storage::EventRow> stream() { return store->events(hub.events().partition_of({"d"}), 0, 100); }

  std::vector<storage::EventRow> kept;
};

std::string refusal(const std::string& text) {
  const auto parsed = parse_routes(text);
  return parsed ? "accepted" : parsed.error().message + parsed.error().reason;
}

}  // namespace

TEST_CASE_FIXTURE(RoutedHub, "telemetry goes to every route that matches, and to the fallback only when none does") {
  create("d");
  configure(R"({"routing":{
    "endpoints":[{"name":"store","type":"file","path":"x"}],
    "routes":[{"name":"a","source":"DeviceMessages","condition":"level='hot'","endpointNames":["store"]},
              {"name":"b","source":"DeviceMessages","condition":"both='yes'","endpointNames":["store","events"]},
              {"name":"c","source":"DeviceMessages","endpointNames":["store"],"isEnabled":false}]}})");
  send({{"level", "hot"}});
  CHECK(kept.size() == 1);
  CHECK(stream().empty());
  send({{"level", "hot"}, {"both", "yes"}});  // two routes, one copy for each endpoint
  CHECK(kept.size() == 2);
  CHECK(stream().size() == 1);
  send({});
  CHECK(kept.size() == 2);
  CHECK(stream().size() == 2);
}

TEST_CASE_FIXTURE(RoutedHub, "a disabled fallback route drops telemetry that no route takes") {
  create("d");
  configure(R"({"fallbackRoute":{"endpointNames":["events"],"isEnabled":false}})");
  send({});
  CHECK(stream().empty());
}

TEST_CASE_FIXTURE(RoutedHub, "the fallback route is for telemetry: a twin change without a route is no event") {
  create("d");
  configure(R"({})");
  REQUIRE(hub.twins().patch_reported({{"d"}}, hub::Json::parse(R"({"a":1})")));
  CHECK(stream().empty());
}

TEST_CASE_FIXTURE(RoutedHub, "enrichments are application properties; a path that leads nowhere stamps itself") {
  create("d");
  REQUIRE(hub.twins().patch({{"d"}}, hub::Json::parse(R"({"tags":{"floor":3}})"), hub::IfMatch::none()));
  configure(R"({"endpoints":[{"name":"store","type":"file","path":"x"}],
    "routes":[{"name":"a","source":"DeviceMessages","endpointNames":["store","events"]}],
    "enrichments":[{"key":"hub","value":"$iothubname","endpointNames":["events"]},
                   {"key":"floor","value":"$twin.tags.floor","endpointNames":["events"]},
                   {"key":"none","value":"$twin.tags.none","endpointNames":["events"]},
                   {"key":"text","value":"t","endpointNames":["store"]}]})");
  send({{"own", "1"}});
  CHECK(stream().back().properties == R"([["own","1"],["hub","localhost"],["floor","3"],["none","$twin.tags.none"]])");
  CHECK(kept.back().properties == R"([["own","1"],["text","t"]])");
}

TEST_CASE("wrong routes are refused with the place of the mistake") {
  struct Row {
    const char* text;
    const char* message;
  };
  static constexpr Row kRows[] = {
      {R"({"routes":{}})", "routing.routes: it has to be an array"},
      {R"({"rutes":[]})", "routing.rutes: there is no such member"},
      {R"({"routes":[{"source":"DeviceMessages"}]})", "routing.routes[0]: 'name' is missing"},
      {R"({"routes":[{"name":"a","source":"Devices","endpointNames":["events"]}]})",
       "routing.routes[0].source: there is no source 'Devices'"},
      {R"({"routes":[{"name":"a","source":"DeviceJobLifecycleEvents","endpointNames":["events"]}]})",
       "routing.routes[0].source: this emulator does not make DeviceJobLifecycleEvents: their schema is not public"},
      {R"({"routes":[{"name":"a","source":"DeviceMessages","endpointNames":["nowhere"]}]})",
       "routing.routes[0].endpointNames[0]: there is no endpoint 'nowhere'"},
      {R"({"routes":[{"name":"a","source":"DeviceMessages","condition":"a =","endpointNames":["events"]}]})",
       "routing.routes[0].condition: the query is wrong at position 3: expected a value"},
      {R"({"endpoints":[{"name":"w","type":"queue","path":"x"}]})",
       "routing.endpoints[0].type: 'queue' is not supported: this emulator has endpoints of type file, webhook and "
       "mqtt"},
      {R"({"endpoints":[{"name":"w","type":"webhook","url":"ftp://h"}]})",
       "routing.endpoints[0].url: it has to begin with http:// or https://"},
      {R"({"endpoints":[{"name":"w","type":"webhook","url":"http://h","headers":{"A":"b\r\nc"}}]})",
       "routing.endpoints[0].headers.A: it has to be a string of one line"},
      {R"({"endpoints":[{"name":"m","type":"mqtt","host":"h","topic":"a/{other}"}]})",
       "routing.endpoints[0].topic: it may hold {deviceId}, {moduleId} and {source}, but no + # or other braces"},
      {R"({"endpoints":[{"name":"m","type":"mqtt","host":"h","topic":"a","port":0}]})",
       "routing.endpoints[0].port: it has to be a number from 1 to 65535"},
      {R"({"endpoints":[{"name":"m","type":"mqtt","host":"h","topic":"a","payload":"xml"}]})",
       "routing.endpoints[0].payload: it has to be 'body' or 'message'"},
      {R"({"fallbackRoute":{"source":"TwinChangeEvents","endpointNames":["events"]}})",
       "routing.fallbackRoute.source: the fallback route is for DeviceMessages"},
      {R"({"enrichments":[{"key":"a b","value":"x","endpointNames":["events"]}]})",
       "routing.enrichments[0].key: it may have letters, digits and . _ - only"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(refusal(row.text) == row.message);
  }
  CHECK(refusal("{").starts_with("the routes are not JSON"));
}

TEST_CASE("webhooks and brokers are read with their settings") {
  const auto routes = parse_routes(R"({"endpoints":[
      {"name":"w","type":"webhook","url":"https://h/p?q=1","headers":{"X-Key":"k"},"caFile":"ca.pem"},
      {"name":"m","type":"mqtt","host":"broker","topic":"hub/{deviceId}/{source}","userName":"u","password":"p"},
      {"name":"t","type":"mqtt","host":"broker","topic":"t","caFile":"ca.pem","clientId":"c","payload":"message"}]})");
  REQUIRE(routes);
  REQUIRE(routes->endpoints.size() == 3);
  const auto& webhook = std::get<hub::routing::WebhookSettings>(routes->endpoints[0].settings);
  CHECK(webhook.url == "https://h/p?q=1");
  CHECK(webhook.headers.at(0) == std::pair<std::string, std::string>("X-Key", "k"));
  CHECK(webhook.ca_file == "ca.pem");
  const auto& mqtt = std::get<hub::routing::MqttSettings>(routes->endpoints[1].settings);
  CHECK(mqtt.port == 1883);
  CHECK(mqtt.topic == "hub/{deviceId}/{source}");
  CHECK(mqtt.user_name == "u");
  CHECK_FALSE(mqtt.whole_message);
  const auto& tls = std::get<hub::routing::MqttSettings>(routes->endpoints[2].settings);
  CHECK(tls.port == 8883);
  CHECK(tls.client_id == "c");
  CHECK(tls.whole_message);
}
