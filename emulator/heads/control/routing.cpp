/// Message routing, as a routes file has it (docs/routing.md).
#include "emulator/hub/routing/routing.h"
#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/settings.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

/// What makes a hub do as one without configuration does.
Json default_routing() {
  const Json to_events = Json::array({"events"});
  return {{"routes", Json::array({{{"name", "twin-changes"},
                                   {"source", "TwinChangeEvents"},
                                   {"condition", "true"},
                                   {"endpointNames", to_events}}})},
          {"fallbackRoute",
           {{"source", "DeviceMessages"}, {"condition", "true"}, {"endpointNames", to_events}, {"isEnabled", true}}}};
}

}  // namespace

void get_routing(const Request& request) {
  const std::string& text = request.hub.routing().text();
  request.answer({{"isDefault", text.empty()}, {"routing", text.empty() ? default_routing() : Json::parse(text)}});
}

void put_routing(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"routing"});
  if (!arguments) return request.refuse(arguments.error());
  const auto routing = arguments->find("routing");
  if (routing == arguments->end() || !routing->is_object()) {
    return request.refuse(hub::argument_invalid("'routing' is missing, or no JSON object"));
  }
  request.answer_or_refuse(request.hub.settings().put_routing(hub::dump(*routing)));
}

}  // namespace iothub::heads::control
