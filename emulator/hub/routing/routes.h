#pragma once
/// Routes, fallback route, enrichments and endpoints as they are configured: the members' names are ARM's
/// (`routing.routes[]`, `routing.fallbackRoute`, `routing.enrichments[]`); the endpoints are the emulator's own.
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/query/parser.h"

namespace iothub::hub::routing {

/// The endpoint every hub has: the stream that Event Hubs clients read.
inline constexpr std::string_view kEventsEndpoint = "events";

struct Route {
  std::string name;
  std::string message_source;  ///< what its events carry as iothub-message-source: Telemetry, twinChangeEvents, ...
  query::ExpressionPtr condition;
  std::vector<std::string> endpoint_names;
  bool is_enabled = true;
};

struct Enrichment {
  std::string key;
  std::string value;   ///< as configured: text, `$iothubname` or a `$twin` path
  query::Path path{};  ///< of `$twin...`; else empty
  std::vector<std::string> endpoint_names;
};

struct EndpointDescription {
  std::string name;
  std::string type;  ///< file
  std::string path;
};

struct Routes {
  std::vector<Route> routes;
  Route fallback;  ///< telemetry that no route took
  std::vector<Enrichment> enrichments;
  std::vector<EndpointDescription> endpoints;
  std::string text{};  ///< the JSON object that was read, as `routing` has it; empty: the default

  /// What a hub without configuration does: telemetry and twin changes go to `events`.
  static Routes by_default();
};

/// Reads a configuration file's text: `{"routing": {...}}` or what stands in it. A refusal's message names the place
/// (`routing.routes[1].condition: ...`).
Result<Routes> parse_routes(std::string_view text);

}  // namespace iothub::hub::routing
