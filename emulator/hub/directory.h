#pragma once
/// Finds a hub by the host name a client says.
#include <string_view>
#include <vector>

#include "emulator/hub/hub.h"

namespace iothub::hub {

class HubDirectory {
 public:
  /// The first hub added is the default one: any loopback address means it.
  void add(Hub& hub) { hubs_.push_back(&hub); }

  /// By host name in any case, with or without a port; null when no hub has that name: a typo must not find one.
  Hub* find(std::string_view said_host) const;
  /// The same, and the default hub where there is none of that name: for what concerns no hub. Null without any hub.
  Hub* find_or_default(std::string_view said_host) const;
  void remove(const Hub& hub) { std::erase(hubs_, &hub); }
  const std::vector<Hub*>& all() const { return hubs_; }

 private:
  std::vector<Hub*> hubs_;
};

}  // namespace iothub::hub
