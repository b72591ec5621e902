#include "emulator/app/route_test.h"

#include <iostream>

#include "emulator/app/exit_status.h"
#include "emulator/app/file_text.h"
#include "emulator/app/route_endpoints.h"
#include "emulator/hub/routing/explain.h"
#include "emulator/hub/twin.h"

namespace iothub::app {
namespace {

using hub::Json;

Json read_json(const std::string& flag, const std::string& given) {
  const std::optional<std::string> text = json_or_file(given);
  if (!text) throw ConfigError(flag + ": cannot read the file " + given);
  hub::Result<Json> json = hub::parse_json(*text);
  if (!json || !json->is_object()) throw ConfigError(flag + ": it is not a JSON object");
  return std::move(*json);
}

Json member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

/// `{"tags","properties":{"desired","reported"}}`: as the service shows a twin; the rest is not looked at.
hub::Twin twin_of(const Json& json) {
  hub::Twin twin;
  twin.tags = member(json, "tags");
  const Json properties = member(json, "properties");
  for (const auto& [name, section] : {std::pair("desired", &twin.desired), std::pair("reported", &twin.reported)}) {
    section->values = member(properties, name);
    section->metadata = member(section->values, "$metadata");
    if (const auto version = section->values.find("$version");
        version != section->values.end() && version->is_number_integer()) {
      section->version = version->get<std::int64_t>();
    }
    section->values.erase("$metadata");
    section->values.erase("$version");
  }
  return twin;
}

std::string value_text(const Json& clause) {
  if (!clause.contains("value")) return "undefined";
  return clause["value"].dump();
}

void add_clause(std::string& out, const Json& clause, std::size_t depth) {
  out += std::string(2 * depth, ' ') + clause["clause"].get<std::string>() + " : " + value_text(clause) + "\n";
  if (!clause.contains("operands")) return;
  for (const Json& operand : clause["operands"]) add_clause(out, operand, depth + 1);
}

std::string why_not(const Json& route) {
  if (!route["isEnabled"].get<bool>()) return ", it is disabled";
  if (!route["takesSource"].get<bool>()) return ", it is for other messages";
  if (route.contains("needed") && !route["needed"].get<bool>()) return ", another route takes it";
  return ", its condition is " + value_text(route["condition"]);
}

void add_route(std::string& out, const std::string& title, const Json& route) {
  const bool taken = route["taken"].get<bool>();
  out += title + " of " + route["source"].get<std::string>() + (taken ? " takes the message" : " does not take it");
  if (!taken) out += why_not(route);
  out += "\n";
  if (route["takesSource"].get<bool>()) add_clause(out, route["condition"], 1);
}

}  // namespace

std::string explanation_text(const Json& explained) {
  std::string out;
  for (const Json& route : explained["routes"]) {
    add_route(out, "route '" + route["name"].get<std::string>() + "'", route);
  }
  add_route(out, "the fallback route", explained["fallbackRoute"]);
  std::string endpoints;
  for (const Json& name : explained["endpoints"]) {
    endpoints += (endpoints.empty() ? "" : ", ") + name.get<std::string>();
  }
  return out + (endpoints.empty() ? "the message is dropped\n" : "the message goes to " + endpoints + "\n");
}

int test_routes(const Config& config) {
  const hub::routing::Routes routes =
      config.routes_file.empty() ? hub::routing::Routes::by_default() : read_routes(config.routes_file);
  hub::Result<storage::EventRow> event =
      hub::routing::test_message(read_json("--message", config.message), config.source);
  if (!event) throw ConfigError("--message: " + event.error().message);
  if (!config.device.empty()) event->device_id = config.device;
  if (!config.module.empty()) event->module_id = config.module;
  const hub::Twin twin = config.twin.empty() ? hub::Twin() : twin_of(read_json("--twin", config.twin));
  const Json explained = hub::routing::explain(routes, *event, config.twin.empty() ? nullptr : &twin);
  std::cout << (config.json ? explained.dump() + "\n" : explanation_text(explained));
  return kDone;
}

}  // namespace iothub::app
