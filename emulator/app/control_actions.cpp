#include "emulator/app/control_actions.h"

#include <unistd.h>

#include <fstream>

#include "emulator/app/connection_string.h"
#include "emulator/hub/hub.h"

namespace iothub::app {

std::string ControlActions::version() const {
  return IOTHUB_VERSION;
}

std::string ControlActions::ca_pem() const {
  return authority_.certificate_pem();
}

/// Linux: /proc/self/statm, second field, in pages. 0 where there is none.
std::size_t ControlActions::resident_bytes() const {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  if (!(statm >> all >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

hub::Json ControlActions::connection_strings(const hub::Hub& hub) const {
  hub::Json strings;
  strings["hub"] = hub.host_name();
  strings["policies"] = connection_strings_json(policy_strings(hub.host_name(), ports_.https, hub.auth().policies()));
  strings["eventHub"] = event_hub_string(hub.host_name(), ports_.amqp, hub.short_name(), hub.auth().policies().front());
  return strings;
}

std::string ControlActions::device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                                     const std::string& key) const {
  return app::device_connection_string(hub.host_name(), identity, key);
}

hub::Result<hub::Json> ControlActions::apply_seed(hub::Hub&, std::string_view, std::string_view) {
  return hub::not_implemented("POST /_emulator/seed");
}

hub::Result<std::string> ControlActions::export_seed(hub::Hub&) {
  return hub::not_implemented("GET /_emulator/seed");
}

}  // namespace iothub::app
