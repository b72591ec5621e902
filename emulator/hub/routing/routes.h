#pragma once
/// Routes, fallback route, enrichments and endpoints as they are configured: the members' names are ARM's
/// (`routing.routes[]`, `routing.fallbackRoute`, `routing.enrichments[]`); the endpoints are the emulator's own.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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

struct FileSettings {
  std::string path;
};

/// One POST an event.
struct WebhookSettings {
  std::string url;  ///< http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;  ///< PEM, for https; empty: the system's
};

/// One PUBLISH with QoS 1 an event.
struct MqttSettings {
  std::string host;
  int port = 1883;
  std::string topic;  ///< with `{deviceId}`, `{moduleId}`, `{source}`
  std::string client_id;
  std::string user_name;
  std::string password;
  std::string ca_file;         ///< PEM; empty: without TLS
  bool whole_message = false;  ///< the document of a file endpoint instead of the body
};

struct EndpointDescription {
  std::string name;
  std::variant<FileSettings, WebhookSettings, MqttSettings> settings;
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

/// ARM's `DeviceMessages` in any case to `Telemetry`, what its events carry; nothing for what is no source here.
std::optional<std::string_view> source_of(std::string_view arm);
/// `Telemetry` to `DeviceMessages`.
std::string_view arm_source(std::string_view message_source);

/// Reads a configuration file's text: `{"routing": {...}}` or what stands in it. A refusal's message names the place
/// (`routing.routes[1].condition: ...`).
Result<Routes> parse_routes(std::string_view text);

}  // namespace iothub::hub::routing
