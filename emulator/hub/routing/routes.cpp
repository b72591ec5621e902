#include "emulator/hub/routing/routes.h"

#include <algorithm>

#include "emulator/hub/json.h"
#include "protocol/text/ascii.h"

namespace iothub::hub::routing {
namespace {

/// ARM's names of the sources, and what the events of each carry. Empty: this emulator has no such events.
struct SourceName {
  std::string_view arm;
  std::string_view message_source;
};
constexpr SourceName kSources[] = {
    {"DeviceMessages", "Telemetry"},
    {"TwinChangeEvents", "twinChangeEvents"},
    {"DeviceLifecycleEvents", "deviceLifecycleEvents"},
    {"DeviceConnectionStateEvents", "deviceConnectionStateEvents"},
    {"DigitalTwinChangeEvents", {}},
    {"DeviceJobLifecycleEvents", {}},
};

constexpr std::size_t kMaxEnrichments = 10;  // documentation: message enrichments

/// Thrown to parse_routes alone, which makes it a refusal.
struct Wrong {
  std::string place;
  std::string what;
};

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_at(const Json& object, const std::string& place, const char* name) {
  const Json* text = member(object, name);
  if (text == nullptr) throw Wrong{place, std::string("'") + name + "' is missing"};
  if (!text->is_string() || text->get_ref<const std::string&>().empty()) {
    throw Wrong{place + "." + name, "it has to be a string that is not empty"};
  }
  return text->get<std::string>();
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
      check_members(array[i], here, {"name", "type", "path"});
      EndpointDescription endpoint{text_at(array[i], here, "name"), text_at(array[i], here, "type"), {}};
      if (endpoint.name == kEventsEndpoint) throw Wrong{here + ".name", "'events' is the built-in endpoint"};
      if (is_endpoint(endpoint.name)) throw Wrong{here + ".name", "'" + endpoint.name + "' is there twice"};
      if (endpoint.type != "file") {
        throw Wrong{here + ".type",
                    "'" + endpoint.type + "' is not supported: this emulator has endpoints of type file"};
      }
      endpoint.path = text_at(array[i], here, "path");
      routes_.endpoints.push_back(std::move(endpoint));
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
      throw Wrong{place + ".source", "this emulator does not make " + std::string(found->arm)};
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
