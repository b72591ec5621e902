#pragma once
/// Finds a hub by the host name a client says.
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/hub/hub.h"

namespace iothub::hub {

class HubDirectory {
 public:
  /// The first hub added is the default one: any loopback address means it.
  void add(Hub& hub);

  /// By host name in any case, with or without a port; null when no hub has that name: a typo must not find one.
  Hub* find(std::string_view said_host) const;
  /// The same, and the default hub where there is none of that name: for what concerns no hub. Null without any hub.
  Hub* find_or_default(std::string_view said_host) const;
  /// The hub that was given that name; null for the further names of this machine that mean the default one.
  Hub* named(std::string_view name) const;
  void remove(const Hub& hub);
  const std::vector<Hub*>& all() const { return hubs_; }

 private:
  std::vector<Hub*> hubs_;
  std::unordered_map<std::string, Hub*> by_name_;  ///< by bare_host() of each name
};

}  // namespace iothub::hub
