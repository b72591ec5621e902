#include "emulator/hub/directory.h"

#include <string>

#include "emulator/hub/host_name.h"

namespace iothub::hub {

void HubDirectory::add(Hub& hub) {
  hubs_.push_back(&hub);
  for (const std::string& name : hub.host_names()) by_name_.emplace(bare_host(name), &hub);
}

void HubDirectory::remove(const Hub& hub) {
  std::erase(hubs_, &hub);
  std::erase_if(by_name_, [&hub](const auto& entry) { return entry.second == &hub; });
}

Hub* HubDirectory::named(std::string_view name) const {
  const auto found = by_name_.find(bare_host(name));
  return found == by_name_.end() ? nullptr : found->second;
}

Hub* HubDirectory::find(std::string_view said_host) const {
  if (Hub* const hub = named(said_host)) return hub;
  return is_loopback(bare_host(said_host)) && !hubs_.empty() ? hubs_.front() : nullptr;
}

Hub* HubDirectory::find_or_default(std::string_view said_host) const {
  Hub* const found = find(said_host);
  return found != nullptr || hubs_.empty() ? found : hubs_.front();
}

}  // namespace iothub::hub
