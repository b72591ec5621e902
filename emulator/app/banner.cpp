#include "emulator/app/banner.h"

#include <algorithm>

namespace iothub::app {

std::string banner(const RunningHub& hub, const std::string& listen_address, const std::string& keeps) {
  std::size_t width = 0;
  for (const auto& each : hub.connection_strings) width = std::max(width, each.policy.size());

  std::string text = "\niothub-emulator " IOTHUB_VERSION " is ready\n";
  text += "  ports    HTTPS " + std::to_string(hub.ports.https) + ", MQTTS " + std::to_string(hub.ports.mqtts) +
          ", AMQPS " + std::to_string(hub.ports.amqps) + ", AMQP without TLS " + std::to_string(hub.ports.amqp) +
          ", portal " + std::to_string(hub.ports.portal) + " on " + listen_address + "\n";
  text += "  data     " + keeps + "\n";
  text += "  CA file  " + hub.ca_file + "\n";
  text += "  clients  eval \"$(iothub-emulator env)\" makes a shell's programs trust it\n";
  text += "  connection strings\n";
  for (const auto& each : hub.connection_strings) {
    text += "    " + each.policy + std::string(width - each.policy.size() + 2, ' ') + each.connection_string + "\n";
  }
  text += "  events   " + hub.event_hub_connection_string + "\n";
  return text + "\n";
}

}  // namespace iothub::app
