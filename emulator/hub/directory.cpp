#include "emulator/hub/directory.h"

#include <algorithm>
#include <string>

#include "emulator/hub/host_name.h"

namespace iothub::hub {

Hub* HubDirectory::find(std::string_view said_host) const {
  const std::string host = bare_host(said_host);
  for (Hub* hub : hubs_) {
    const auto& names = hub->host_names();
    if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return bare_host(name) == host; })) return hub;
  }
  return is_loopback(host) && !hubs_.empty() ? hubs_.front() : nullptr;
}

Hub* HubDirectory::find_or_default(std::string_view said_host) const {
  Hub* const found = find(said_host);
  return found != nullptr || hubs_.empty() ? found : hubs_.front();
}

}  // namespace iothub::hub
