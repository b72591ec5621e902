#include "emulator/hub/routing/routing.h"

#include <algorithm>

#include "emulator/hub/json.h"
#include "emulator/hub/routing/explain.h"
#include "emulator/hub/routing/route_message.h"
#include "emulator/hub/twins.h"

namespace iothub::hub::routing {
namespace {

bool holds_always(const query::Expression& condition) {
  const auto* literal = std::get_if<query::Literal>(&condition.node);
  return literal != nullptr && literal->json == Json(true);
}

}  // namespace

Routing::Routing(std::string hub_name, TwinCache& twins) : hub_name_(std::move(hub_name)), twins_(twins) {
  configure(Routes::by_default(), {});
}

Routing::~Routing() = default;

void Routing::configure(Routes routes, RouteEndpoints endpoints) {
  plans_.clear();
  destinations_.clear();
  routes_ = std::move(routes);
  endpoints_ = std::move(endpoints);
  for (const Route& route : routes_.routes) add_branch(route, false);
  add_branch(routes_.fallback, true);
  for (auto& [source, plan] : plans_) {
    const auto is_stream = [](const Branch& branch) {
      return branch.condition == nullptr && branch.destinations.size() == 1 &&
             branch.destinations.front()->endpoint == nullptr && branch.destinations.front()->enrichments.empty();
    };
    plan.only_to_stream = plan.routes.empty() ? is_stream(*plan.fallback)
                                              : std::all_of(plan.routes.begin(), plan.routes.end(), is_stream);
  }
}

void Routing::add_branch(const Route& route, bool is_fallback) {
  if (!route.is_enabled) return;
  Branch branch{holds_always(*route.condition) ? nullptr : route.condition.get(), {}};
  for (const std::string& name : route.endpoint_names) branch.destinations.push_back(&destination(name));
  Plan& plan = plans_[route.message_source];
  if (is_fallback) {
    plan.fallback = std::move(branch);
  } else {
    plan.routes.push_back(std::move(branch));
  }
}

const Routing::Destination& Routing::destination(const std::string& name) {
  const auto [entry, is_new] = destinations_.try_emplace(name);
  if (!is_new) return entry->second;
  if (name != kEventsEndpoint) entry->second.endpoint = endpoints_.at(name).get();
  for (const Enrichment& enrichment : routes_.enrichments) {
    const auto& names = enrichment.endpoint_names;
    if (std::find(names.begin(), names.end(), name) != names.end()) entry->second.enrichments.push_back(&enrichment);
  }
  return entry->second;
}

bool Routing::takes(std::string_view message_source) const {
  return plans_.find(message_source) != plans_.end();
}

std::vector<const Routing::Destination*> Routing::destinations(const Plan& plan, const RouteMessage& message) const {
  std::vector<const Destination*> chosen;
  const auto choose = [&](const Branch& branch) {
    if (branch.condition != nullptr && !query::is_true(query::evaluate(*branch.condition, message))) return;
    for (const Destination* each : branch.destinations) {
      if (std::find(chosen.begin(), chosen.end(), each) == chosen.end()) chosen.push_back(each);
    }
  };
  for (const Branch& route : plan.routes) choose(route);
  if (chosen.empty() && plan.fallback) choose(*plan.fallback);
  return chosen;
}

Json Routing::explain(const storage::EventRow& event) const {
  return routing::explain(routes_, event, twins_.find({{event.device_id}, {event.module_id}}));
}

std::optional<storage::EventRow> Routing::route(storage::EventRow event) {
  const auto plan = plans_.find(event.source);
  if (plan == plans_.end()) return std::nullopt;
  if (plan->second.only_to_stream) return event;
  const RouteMessage message(event, twins_.find({{event.device_id}, {event.module_id}}));
  const Destination* stream = nullptr;
  for (const Destination* each : destinations(plan->second, message)) {
    if (each->endpoint == nullptr) {
      stream = each;
    } else {
      each->endpoint->send(each->enrichments.empty() ? event : enriched(event, message, *each));
    }
  }
  if (stream == nullptr) return std::nullopt;
  if (stream->enrichments.empty()) return event;
  return enriched(event, message, *stream);
}

storage::EventRow Routing::enriched(storage::EventRow row, const RouteMessage& message,
                                    const Destination& destination) const {
  for (const Enrichment* enrichment : destination.enrichments) {
    std::string value = enrichment->value == "$iothubname" ? hub_name_ : enrichment->value;
    if (!enrichment->path.steps.empty()) {
      // A path that leads nowhere stamps itself (documentation: message enrichments).
      if (const std::optional<Json> found = query::to_json(message.resolve(enrichment->path))) {
        value = found->is_string() ? found->get<std::string>() : dump(*found);
      }
    }
    Json pairs = row.properties.empty() ? Json::array() : Json::parse(row.properties);
    pairs.push_back(Json::array({enrichment->key, value}));
    row.properties = dump(pairs);
  }
  return row;
}

}  // namespace iothub::hub::routing
