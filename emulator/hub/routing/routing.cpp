#include "emulator/hub/routing/routing.h"

#include <algorithm>
#include <set>

#include "emulator/hub/json.h"
#include "emulator/hub/routing/route_message.h"
#include "emulator/hub/twins.h"

namespace iothub::hub::routing {
namespace {

bool holds(const Route& route, const storage::EventRow& event, const RouteMessage& message) {
  return route.is_enabled && route.message_source == event.source &&
         query::is_true(query::evaluate(*route.condition, message));
}

}  // namespace

Routing::Routing(std::string hub_name, TwinCache& twins)
    : hub_name_(std::move(hub_name)), twins_(twins), routes_(Routes::by_default()) {}

Routing::~Routing() = default;

void Routing::configure(Routes routes, RouteEndpoints endpoints) {
  routes_ = std::move(routes);
  endpoints_ = std::move(endpoints);
}

bool Routing::takes(std::string_view message_source) const {
  const auto is_for = [&](const Route& route) { return route.is_enabled && route.message_source == message_source; };
  return std::any_of(routes_.routes.begin(), routes_.routes.end(), is_for) || is_for(routes_.fallback);
}

std::optional<storage::EventRow> Routing::route(const storage::EventRow& event) {
  const RouteMessage message(event, twins_.find({{event.device_id}, {event.module_id}}));
  std::set<std::string> names;
  for (const Route& route : routes_.routes) {
    if (holds(route, event, message)) names.insert(route.endpoint_names.begin(), route.endpoint_names.end());
  }
  if (names.empty() && holds(routes_.fallback, event, message)) {
    names.insert(routes_.fallback.endpoint_names.begin(), routes_.fallback.endpoint_names.end());
  }
  std::optional<storage::EventRow> for_stream;
  for (const std::string& name : names) {
    if (name == kEventsEndpoint) {
      for_stream = enriched(event, message, name);
    } else {
      endpoints_.at(name)->send(enriched(event, message, name));
    }
  }
  return for_stream;
}

storage::EventRow Routing::enriched(const storage::EventRow& event, const RouteMessage& message,
                                    const std::string& endpoint) const {
  storage::EventRow row = event;
  for (const Enrichment& enrichment : routes_.enrichments) {
    const auto& names = enrichment.endpoint_names;
    if (std::find(names.begin(), names.end(), endpoint) == names.end()) continue;
    std::string value = enrichment.value == "$iothubname" ? hub_name_ : enrichment.value;
    if (!enrichment.path.steps.empty()) {
      // A path that leads nowhere stamps itself (documentation: message enrichments).
      if (const std::optional<Json> found = query::to_json(message.resolve(enrichment.path))) {
        value = found->is_string() ? found->get<std::string>() : dump(*found);
      }
    }
    Json pairs = row.properties.empty() ? Json::array() : Json::parse(row.properties);
    pairs.push_back(Json::array({enrichment.key, value}));
    row.properties = dump(pairs);
  }
  return row;
}

}  // namespace iothub::hub::routing
