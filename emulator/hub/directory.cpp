#include "emulator/hub/directory.h"

#include "emulator/hub/auth.h"

namespace iothub::hub {

Hub* HubDirectory::find(std::string_view said_host) const {
  for (Hub* hub : hubs_) {
    if (names_host(said_host, hub->host_names())) return hub;
  }
  return nullptr;
}

Hub* HubDirectory::find_or_default(std::string_view said_host) const {
  Hub* const found = find(said_host);
  return found != nullptr || hubs_.empty() ? found : hubs_.front();
}

}  // namespace iothub::hub
