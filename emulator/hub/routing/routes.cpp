#include "emulator/hub/routing/routes.h"

#include <algorithm>

#include "emulator/hub/json.h"
#include "protocol/text/ascii.h"

namespace iothub::hub::routing {
namespace {

/// ARM's names of the sources, and what the events of each carry. Empty: nobody has published what such events look
/// like, so there are none here.
struct SourceName {
  std::string_view arm;
  std::string_view message_source;
};
constexpr SourceName kSources[] = {
    {"DeviceMessages", "Telemetry"},
    {"TwinChangeEvents", "twinChangeEvents"},
    {"DeviceLifecycleEvents", "deviceLifecycleEvents"},
    {"DeviceConnectionStateEvents", "deviceConnectionStateEvents"},
    {"DigitalTwinChangeEvents", "digitalTwinChangeEvents"},
    {"DeviceJobLifecycleEvents", {}},
};

constexpr std::size_t kMaxEnrichments = 10;  // documentation: message enrichments

/// Thrown to parse_routes alone, which makes it a refusal.
struct Wrong {
  std::string place;
  std::string what;
};

std::string text_at(const Json& object, const std::string& place, const char* name) {
  const Json* text = member(object, name);
  if (text == nullptr) throw Wrong{place, std::string("'") + name + "' is missing"};
  if (!text->is_string() || text->get_ref<const std::string&>().empty()) {
    throw Wrong{place + "." + name, "it has to be a string that is not empty"};
  }
  return text->get<std::string>();
}

/// Empty where there is none.
std::string optional_text_at(const Json& object, const std::string& place, const char* name) {
  return member(object, name) == nullptr ? std::string() : text_at(object, place, name);
}

void check_members(const Json& object, const std::string& place, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) throw Wrong{place, "it has to be an object"};
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Wrong{place + "." + name, "there is no such member"};
    }
  }
}

const Json& array_at(const Json& object, const std::string& place, const char* name) {
  static const Json kNone = Json::array();
  const Json* array = member(object, name);
  if (array == nullptr) return kNone;
  if (!array->is_array()) throw Wrong{place + "." + name, "it has to be an array"};
  return *array;
}

std::string element(const std::string& place, std::size_t index) {
  return place + "[" + std::to_string(index) + "]";
}

class Reader {
 public:
  Routes read(const Json& document) {
    std::string place = "routing";
    const Json* routing = document.is_object() ? member(document, "routing") : nullptr;
    if (routing != nullptr) check_members(document, "the file", {"routing"});
    if (routing == nullptr) routing = &document;
    check_members(*routing, place, {"routes", "fallbackRoute", "enrichments", "endpoints"});
    read_endpoints(array_at(*routing, place, "endpoints"), place + ".endpoints");
    read_routes(array_at(*routing, place, "routes"), place + ".routes");
    routes_.fallback = std::move(Routes::by_default().fallback);
    if (const Json* fallback = member(*routing, "fallbackRoute")) {
      routes_.fallback = route(*fallback, place + ".fallbackRoute", true);
    }
    read_enrichments(array_at(*routing, place, "enrichments"), place + ".enrichments");
    routes_.text = dump(*routing);
    return std::move(routes_);
  }

 private:
  void read_endpoints(const Json& array, const std::string& place) {
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string here = element(place, i);
      if (!array[i].is_object()) throw Wrong{here, "it has to be an object"};
      EndpointDescription endpoint{text_at(array[i], here, "name"), settings(array[i], here)};
      if (endpoint.name == kEventsEndpoint) throw Wrong{here + ".name", "'events' is the built-in endpoint"};
      if (is_endpoint(endpoint.name)) throw Wrong{here + ".name", "'" + endpoint.name + "' is there twice"};
      routes_.endpoints.push_back(std::move(endpoint));
    }
  }

  static decltype(EndpointDescription::settings) settings(const Json& object, const std::string& here) {
    const std::string type = text_at(object, here, "type");
    if (type == "file") {
      check_members(object, here, {"name", "type", "path"});
      return FileSettings{text_at(object, here, "path")};
    }
    if (type == "webhook") return webhook_settings(object, here);
    if (type == "mqtt") return mqtt_settings(object, here);
    throw Wrong{here + ".type",
                "'" + type + "' is not supported: this emulator has endpoints of type file, webhook and mqtt"};
  }

  static WebhookSettings webhook_settings(const Json& object, const std::string& here) {
    check_members(object, here, {"name", "type", "url", "headers", "caFile"});
    WebhookSettings webhook;
    webhook.url = text_at(object, here, "url");
    if (!webhook.url.starts_with("http://") && !webhook.url.starts_with("https://")) {
      throw Wrong{here + ".url", "it has to begin with http:// or https://"};
    }
    if (const Json* headers = member(object, "headers")) {
      if (!headers->is_object()) throw Wrong{here + ".headers", "it has to be an object"};
      for (const auto& [name, value] : headers->items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : std::string("\n");
        if ((name + text).find_first_of("\r\n") != std::string::npos) {
          throw Wrong{here + ".headers." + name, "it has to be a string of one line"};
        }
        webhook.headers.emplace_back(name, text);
      }
    }
    webhook.ca_file = optional_text_at(object, here, "caFile");
    return webhook;
  }

  static MqttSettings mqtt_settings(const Json& object, const std::string& here) {
    check_members(object, here,
                  {"name", "type", "host", "port", "topic", "clientId", "userName", "password", "caFile", "payload"});
    MqttSettings mqtt;
    mqtt.host = text_at(object, here, "host");
    mqtt.topic = text_at(object, here, "topic");
    check_topic(mqtt.topic, here + ".topic");
    mqtt.client_id = optional_text_at(object, here, "clientId");
    mqtt.user_name = optional_text_at(object, here, "userName");
    mqtt.password = optional_text_at(object, here, "password");
    mqtt.ca_file = optional_text_at(object, here, "caFile");
    mqtt.port = mqtt.ca_file.empty() ? 1883 : 8883;
    if (const Json* port = member(object, "port")) {
      if (!port->is_number_integer() || *port < 1 || *port > 65535) {
        throw Wrong{here + ".port", "it has to be a number from 1 to 65535"};
      }
      mqtt.port = port->get<int>();
    }
    const std::string payload = optional_text_at(object, here, "payload");
    if (!payload.empty() && payload != "body" && payload != "message") {
      throw Wrong{here + ".payload", "it has to be 'body' or 'message'"};
    }
    mqtt.whole_message = payload == "message";
    return mqtt;
  }

  static void check_topic(const std::string& topic, const std::string& place) {
    std::string fixed(topic);
    for (const std::string_view part : {"{deviceId}", "{moduleId}", "{source}"}) {
      for (std::size_t at = fixed.find(part); at != std::string::npos; at = fixed.find(part))
        fixed.erase(at, part.size());
    }
    if (fixed.find_first_of("+#{}") != std::string::npos) {
      throw Wrong{place, "it may hold {deviceId}, {moduleId} and {source}, but no + # or other braces"};
    }
  }

  bool is_endpoint(const std::string& name) const {
    return name == kEventsEndpoint || std::any_of(routes_.endpoints.begin(), routes_.endpoints.end(),
                                                  [&](const auto& endpoint) { return endpoint.name == name; });
  }

  std::vector<std::string> endpoint_names(const Json& object, const std::string& place) const {
    const Json& array = array_at(object, place, "endpointNames");
    if (array.empty()) throw Wrong{place + ".endpointNames", "at least one endpoint has to be named"};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string here = element(place + ".endpointNames", i);
      if (!array[i].is_string()) throw Wrong{here, "it has to be a string"};
      names.push_back(array[i].get<std::string>());
      if (!is_endpoint(names.back())) throw Wrong{here, "there is no endpoint '" + names.back() + "'"};
    }
    return names;
  }

  Route route(const Json& object, const std::string& place, bool is_fallback) const {
    check_members(object, place, {"name", "source", "condition", "endpointNames", "isEnabled"});
    Route route;
    route.name = is_fallback && member(object, "name") == nullptr ? "$fallback" : text_at(object, place, "name");
    const std::string source =
        is_fallback && member(object, "source") == nullptr ? "DeviceMessages" : text_at(object, place, "source");
    const auto* found = std::find_if(std::begin(kSources), std::end(kSources), [&](const SourceName& row) {
      return text::equals_ignoring_case(row.arm, source);
    });
    if (found == std::end(kSources)) throw Wrong{place + ".source", "there is no source '" + source + "'"};
    if (found->message_source.empty()) {
      throw Wrong{place + ".source",
                  "this emulator does not make " + std::string(found->arm) + ": their schema is not public"};
    }
    if (is_fallback && found->arm != "DeviceMessages") {
      throw Wrong{place + ".source", "the fallback route is for DeviceMessages"};
    }
    route.message_source = found->message_source;
    const std::string condition = member(object, "condition") == nullptr ? "true" : text_at(object, place, "condition");
    Result<query::ExpressionPtr> parsed = query::parse_condition(condition);
    if (!parsed) throw Wrong{place + ".condition", parsed.error().reason};
    route.condition = std::move(*parsed);
    route.endpoint_names = endpoint_names(object, place);
    if (const Json* enabled = member(object, "isEnabled")) {
      if (!enabled->is_boolean()) throw Wrong{place + ".isEnabled", "it has to be true or false"};
      route.is_enabled = enabled->get<bool>();
    }
    return route;
  }

  void read_routes(const Json& array, const std::string& place) {
    for (std::size_t i = 0; i < array.size(); ++i) {
      Route next = route(array[i], element(place, i), false);
      for (const Route& other : routes_.routes) {
        if (text::equals_ignoring_case(other.name, next.name)) {
          throw Wrong{element(place, i) + ".name", "'" + next.name + "' is there twice"};
        }
      }
      routes_.routes.push_back(std::move(next));
    }
  }

  void read_enrichments(const Json& array, const std::string& place) {
    if (array.size() > kMaxEnrichments) throw Wrong{place, "a hub has at most 10 enrichments"};
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string here = element(place, i);
      check_members(array[i], here, {"key", "value", "endpointNames"});
      Enrichment enrichment{.key = text_at(array[i], here, "key"),
                            .value = text_at(array[i], here, "value"),
                            .endpoint_names = endpoint_names(array[i], here)};
      const bool fits = std::all_of(enrichment.key.begin(), enrichment.key.end(), [](char c) {
        return text::is_alpha(c) || text::is_digit(c) || c == '.' || c == '_' || c == '-';
      });
      if (!fits) throw Wrong{here + ".key", "it may have letters, digits and . _ - only"};
      if (enrichment.value.starts_with("$twin.")) {
        Result<query::ExpressionPtr> parsed = query::parse_condition(enrichment.value);
        query::Path* path = parsed ? std::get_if<query::Path>(&(*parsed)->node) : nullptr;
        if (path == nullptr) throw Wrong{here + ".value", "it is no path into the twin"};
        enrichment.path = std::move(*path);
      }
      routes_.enrichments.push_back(std::move(enrichment));
    }
  }

  Routes routes_;
};

Route to_events(std::string name, std::string message_source) {
  Route route;
  route.name = std::move(name);
  route.message_source = std::move(message_source);
  route.condition = std::move(query::parse_condition("true").value());
  route.endpoint_names = {std::string(kEventsEndpoint)};
  return route;
}

}  // namespace

Routes Routes::by_default() {
  Routes routes;
  routes.routes.push_back(to_events("twin-changes", "twinChangeEvents"));
  routes.fallback = to_events("$fallback", "Telemetry");
  return routes;
}

std::optional<std::string_view> source_of(std::string_view arm) {
  const auto* found = std::find_if(std::begin(kSources), std::end(kSources), [&](const SourceName& row) {
    return !row.message_source.empty() && text::equals_ignoring_case(row.arm, arm);
  });
  return found == std::end(kSources) ? std::nullopt : std::optional(found->message_source);
}

std::string_view arm_source(std::string_view message_source) {
  const auto* found = std::find_if(std::begin(kSources), std::end(kSources),
                                   [&](const SourceName& row) { return row.message_source == message_source; });
  return found == std::end(kSources) ? message_source : found->arm;
}

Result<Routes> parse_routes(std::string_view text) {
  const Result<Json> document = parse_json(text);
  if (!document) return argument_invalid("the routes are not JSON: " + document.error().reason);
  try {
    return Reader().read(*document);
  } catch (const Wrong& wrong) {
    return argument_invalid(wrong.place + ": " + wrong.what);
  }
}

}  // namespace iothub::hub::routing
