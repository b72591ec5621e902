#include "emulator/heads/rest/routes.h"

#include <algorithm>
#include <array>
#include <optional>

#include "emulator/heads/rest/operations.h"
#include "protocol/text/ascii.h"

namespace iothub::heads::rest {
namespace {

using enum hub::Rights;

// clang-format off
constexpr auto kRoutes = std::to_array<Route>({
    {"GET",    "devices",                               registry_read,   list_devices,    "list devices"},
    {"GET",    "devices/{device}",                      registry_read,   get_identity,    "get device"},
    {"PUT",    "devices/{device}",                      registry_write,  put_identity,    "create or update device"},
    {"DELETE", "devices/{device}",                      registry_write,  delete_identity, "delete device"},
    {"GET",    "devices/{device}/modules",              registry_read,   list_modules,    "list modules"},
    {"GET",    "devices/{device}/modules/{module}",     registry_read,   get_identity,    "get module"},
    {"PUT",    "devices/{device}/modules/{module}",     registry_write,  put_identity,    "create or update module"},
    {"DELETE", "devices/{device}/modules/{module}",     registry_write,  delete_identity, "delete module"},
    {"GET",    "twins/{device}",                        service_connect, get_twin,        "get device twin", ErrorForm::a_twin},
    {"PATCH",  "twins/{device}",                        service_connect, patch_twin,      "update device twin", ErrorForm::a_twin},
    {"PUT",    "twins/{device}",                        service_connect, replace_twin,    "replace device twin", ErrorForm::a_twin},
    {"GET",    "twins/{device}/modules/{module}",       service_connect, get_twin,        "get module twin", ErrorForm::a_twin},
    {"PATCH",  "twins/{device}/modules/{module}",       service_connect, patch_twin,      "update module twin", ErrorForm::a_twin},
    {"PUT",    "twins/{device}/modules/{module}",       service_connect, replace_twin,    "replace module twin", ErrorForm::a_twin},

    {"POST",   "devices",                               registry_write,  bulk_identities, "bulk registry operation"},
    {"POST",   "devices/query",                         registry_read,   query_twins, "query"},
    {"POST",   "devices/keys/regenerate",               registry_write,  regenerate_keys, "regenerate device keys"},
    {"POST",   "devices/{device}/applyConfigurationContent", registry_write, apply_configuration_content, "apply configuration content"},
    {"DELETE", "devices/{device}/commands",             service_connect, purge_c2d, "purge cloud-to-device messages"},
    {"POST",   "twins/{device}/methods",                service_connect, invoke_method, "invoke device method", ErrorForm::b},
    {"POST",   "twins/{device}/modules/{module}/methods", service_connect, invoke_method, "invoke module method", ErrorForm::b},
    {"GET",    "configurations",                        registry_read,   list_configurations, "list configurations"},
    {"POST",   "configurations/testQueries",            registry_read,   test_configuration_queries, "test configuration queries"},
    {"GET",    "configurations/{configuration}",        registry_read,   get_configuration, "get configuration"},
    {"PUT",    "configurations/{configuration}",        registry_write,  put_configuration, "create or update configuration"},
    {"DELETE", "configurations/{configuration}",        registry_write,  delete_configuration, "delete configuration"},
    {"GET",    "statistics/devices",                    registry_read,   registry_statistics, "registry statistics"},
    {"GET",    "statistics/service",                    service_connect, service_statistics, "service statistics"},
    {"POST",   "jobs/create",                           registry_write,  create_registry_job, "create import or export job"},
    {"GET",    "jobs",                                  registry_read,   list_registry_jobs, "list import and export jobs"},
    {"GET",    "jobs/v2/query",                         service_connect, query_jobs, "query jobs"},
    {"GET",    "jobs/v2/{job}",                         service_connect, get_job, "get job"},
    {"PUT",    "jobs/v2/{job}",                         service_connect, create_job, "create job"},
    {"POST",   "jobs/v2/{job}/cancel",                  service_connect, cancel_job, "cancel job"},
    {"GET",    "jobs/{job}",                            registry_read,   get_registry_job, "get import or export job"},
    {"DELETE", "jobs/{job}",                            registry_write,  cancel_registry_job, "cancel import or export job"},
    {"GET",    "digitaltwins/{twin}",                   service_connect, get_digital_twin, "get digital twin"},
    {"PATCH",  "digitaltwins/{twin}",                   service_connect, patch_digital_twin, "update digital twin"},
    {"POST",   "digitaltwins/{twin}/commands/{command}", service_connect, invoke_root_command, "invoke root command", ErrorForm::b},
    {"POST",   "digitaltwins/{twin}/components/{component}/commands/{command}", service_connect,
                                        invoke_component_command, "invoke component command", ErrorForm::b},
    {"GET",    "messages/serviceBound/feedback",        service_connect, receive_feedback, "receive feedback", ErrorForm::b},
    {"DELETE", "messages/serviceBound/feedback/{lock}", service_connect, complete_feedback, "complete feedback", ErrorForm::b},
    {"POST",   "messages/serviceBound/feedback/{lock}/abandon", service_connect, abandon_feedback, "abandon feedback", ErrorForm::b},
    {"POST",   "$admin/exportRegistry",                 registry_write,  nullptr, "export registry (legacy)"},
    {"POST",   "$admin/importRegistry",                 registry_write,  nullptr, "import registry (legacy)"},

    {"POST",   "devices/{device}/messages/events",      device_connect,  send_telemetry, "send telemetry over HTTP", ErrorForm::b},
    {"GET",    "devices/{device}/messages/deviceBound", device_connect,  receive_c2d, "receive cloud-to-device message over HTTP", ErrorForm::b},
    {"DELETE", "devices/{device}/messages/deviceBound/{lock}", device_connect, complete_or_reject_c2d,
                                                                    "complete or reject cloud-to-device message over HTTP", ErrorForm::b},
    {"POST",   "devices/{device}/messages/deviceBound/{lock}/abandon", device_connect, abandon_c2d,
                                                                              "abandon cloud-to-device message over HTTP", ErrorForm::b},
    {"POST",   "devices/{device}/files",                device_connect,  begin_upload, "begin file upload", ErrorForm::b},
    {"POST",   "devices/{device}/files/notifications",  device_connect,  complete_upload, "complete file upload", ErrorForm::b},
    {"POST",   "devices/{device}/files/notifications/{upload}", device_connect, complete_upload_of_path, "complete file upload", ErrorForm::b},
    {"GET",    "devices/{device}/modules/{module}/devicesAndModulesInDeviceScope", device_connect, nullptr,
                                                                                  "list devices in scope"},
    {"GET",    "devices/{device}/modules/{module}/deviceAndModuleInDeviceScope", device_connect, nullptr,
                                                                                  "get device in scope"},
});
// clang-format on

/// What the pattern's placeholders take from the segments; nothing when it does not fit.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::span<const std::string> segments) {
  std::vector<std::string> ids;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view word = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(word.size() + 1, pattern.size()));
    if (word.starts_with('{')) {
      if (segment.empty()) return std::nullopt;
      ids.push_back(segment);
    } else if (!text::equals_ignoring_case(word, segment)) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return ids;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

RouteMatch find_route(std::span<const Route> table, std::string_view method, std::span<const std::string> segments) {
  RouteMatch found;
  for (const Route& route : table) {
    std::optional<std::vector<std::string>> ids = match(route.pattern, segments);
    if (!ids) continue;
    if (route.method == method) return {&route, std::move(*ids), {}};
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += route.method;
  }
  return found;
}

}  // namespace iothub::heads::rest
