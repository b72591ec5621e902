#include "emulator/hub/routing/explain.h"

#include <algorithm>

#include "emulator/hub/query/explain.h"
#include "emulator/hub/routing/route_message.h"
#include "protocol/text/ascii.h"

namespace iothub::hub::routing {
namespace {

Json explain_route(const Route& route, const RouteMessage& message, const std::string& source) {
  Json out;
  out["name"] = route.name;
  out["source"] = arm_source(route.message_source);
  out["isEnabled"] = route.is_enabled;
  const bool takes_source = route.message_source == source;
  out["takesSource"] = takes_source;
  out["taken"] = route.is_enabled && takes_source && query::is_true(query::evaluate(*route.condition, message));
  out["endpointNames"] = route.endpoint_names;
  out["condition"] = query::explain(*route.condition, message);
  return out;
}

const Json* object_at(const Json& message, const char* name, bool& fits) {
  const auto found = message.find(name);
  if (found == message.end() || found->is_null()) return nullptr;
  fits &= found->is_object();
  return &*found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump(value);
}

}  // namespace

Json explain(const Routes& routes, const storage::EventRow& event, const Twin* twin) {
  const RouteMessage message(event, twin);
  Json explained = Json::array();
  std::vector<std::string> endpoints;
  const auto note = [&](const Json& route) {
    if (!route["taken"].get<bool>()) return;
    for (const Json& each : route["endpointNames"]) {
      const std::string name = each.get<std::string>();
      if (std::find(endpoints.begin(), endpoints.end(), name) == endpoints.end()) endpoints.push_back(name);
    }
  };
  for (const Route& route : routes.routes) {
    explained.push_back(explain_route(route, message, event.source));
    note(explained.back());
  }
  Json fallback = explain_route(routes.fallback, message, event.source);
  const bool needed = endpoints.empty();
  fallback["needed"] = needed;
  fallback["taken"] = needed && fallback["taken"].get<bool>();
  note(fallback);
  return {{"routes", std::move(explained)}, {"fallbackRoute", std::move(fallback)}, {"endpoints", endpoints}};
}

Result<storage::EventRow> test_message(const Json& message, std::string_view source) {
  if (!message.is_object()) return argument_invalid("the message is not a JSON object");
  for (const auto& [name, value] : message.items()) {
    if (name != "body" && name != "appProperties" && name != "systemProperties") {
      return argument_invalid("a message has body, appProperties and systemProperties, but no '" + name + "'");
    }
  }
  const std::optional<std::string_view> message_source = source_of(source);
  if (!message_source) return argument_invalid("there is no source '" + std::string(source) + "'");
  bool fits = true;
  const Json* application = object_at(message, "appProperties", fits);
  const Json* system = object_at(message, "systemProperties", fits);
  if (!fits) return argument_invalid("appProperties and systemProperties are JSON objects");

  storage::EventRow event;
  event.source = *message_source;
  Json stored = Json::object();
  if (system != nullptr) {
    for (const auto& [name, value] : system->items()) {
      if (text::equals_ignoring_case(name, "connectionDeviceId")) {
        event.device_id = text_of(value);
      } else if (text::equals_ignoring_case(name, "connectionModuleId")) {
        event.module_id = text_of(value);
      } else {
        stored[std::string(stored_name(name))] = text_of(value);
      }
    }
  }
  if (const auto body = message.find("body"); body != message.end() && !body->is_null()) {
    event.body = text_of(*body);
    if (!body->is_string()) {
      if (!stored.contains("content-type")) stored["content-type"] = "application/json";
      if (!stored.contains("content-encoding")) stored["content-encoding"] = "utf-8";
    }
  }
  event.system_properties = dump(stored);
  if (application != nullptr) {
    Json pairs = Json::array();
    for (const auto& [name, value] : application->items()) pairs.push_back(Json::array({name, text_of(value)}));
    event.properties = dump(pairs);
  }
  return event;
}

}  // namespace iothub::hub::routing
