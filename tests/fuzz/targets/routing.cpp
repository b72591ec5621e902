// Routes: what is read is kept and read again as the same; a message goes where its explanation says.
#include "emulator/hub/routing/routing.h"

#include <set>

#include "emulator/hub/query/explain.h"
#include "emulator/hub/routing/explain.h"
#include "emulator/hub/routing/route_message.h"
#include "emulator/hub/routing/routes.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

using hub::Json;

class Endpoint final : public hub::routing::RouteEndpoint {
 public:
  Endpoint(std::string name, std::set<std::string>& reached) : name_(std::move(name)), reached_(reached) {}
  void send(const storage::EventRow&) override {
    require(reached_.insert(name_).second, "an endpoint gets a message once");
  }

 private:
  std::string name_;
  std::set<std::string>& reached_;
};

void require_condition_holds_together(std::string_view text, const storage::EventRow& event, const hub::Twin& twin) {
  const auto condition = hub::query::parse_condition(text);
  if (!condition) return;
  const hub::routing::RouteMessage message(event, &twin);
  const Json explained = hub::query::explain(**condition, message);
  const auto value = to_json(evaluate(**condition, message));
  require(explained.contains("value") == value.has_value() && (!value || explained["value"] == *value),
          "an explanation says what the condition came to");
}

}  // namespace

// A line with a message as ARM's route test takes it, a line with a condition, then the routes.
void routing(std::string_view bytes) {
  Input input(bytes);
  static FuzzWorld world;
  hub::TwinCache twins(world.store());
  const std::string_view message_text = input.line();
  const std::string_view condition = input.line();
  const std::string text(input.rest());

  storage::EventRow event;
  event.source = "Telemetry";
  event.device_id = "d1";
  if (const auto message = hub::parse_json(message_text)) {
    auto made = hub::routing::test_message(*message, "DeviceMessages");
    if (made) event = std::move(*made);
  }
  require_condition_holds_together(condition, event, *world.hub.twins().get(kD1).value().twin);

  auto routes = hub::routing::parse_routes(text);
  if (!routes) {
    require(!routes.error().message.empty(), "a refusal says why");
    return;
  }
  const auto again = hub::routing::parse_routes(routes->text);
  require(again.has_value(), "kept routes can be read: " + routes->text);
  require(again->text == routes->text && again->routes.size() == routes->routes.size(), "kept routes say the same");

  std::set<std::string> reached;
  hub::routing::RouteEndpoints endpoints;
  for (const auto& endpoint : routes->endpoints) {
    endpoints[endpoint.name] = std::make_unique<Endpoint>(endpoint.name, reached);
  }
  hub::routing::Routing routing("localhost", twins);
  routing.configure(std::move(*routes), std::move(endpoints));
  const Json explained = routing.explain(event);
  if (routing.route(event)) reached.emplace(hub::routing::kEventsEndpoint);
  std::set<std::string> expected;
  for (const Json& endpoint : explained.at("endpoints")) expected.insert(endpoint.get<std::string>());
  require(reached == expected, "a message goes where its explanation says: " + explained.dump());
}

}  // namespace iothub::fuzz
