#pragma once
/// Which operation a method and a path mean (rest.md 3 and 4).
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/heads/rest/error_body.h"
#include "emulator/hub/policies.h"

namespace iothub::heads::rest {

class Call;

struct Route {
  std::string_view method;
  std::string_view
      pattern;         ///< fixed words match in any case; `{...}` takes one segment as it stands, never an empty one
  hub::Rights needed;  ///< what the caller's policy has to give; device_connect makes it a device's own request
  void (*operation)(Call&);  ///< null: known, but not implemented yet
  std::string_view name;
  ErrorForm errors = ErrorForm::a;

  /// Whether the device that the path's first placeholder names calls: with its key, a policy with DeviceConnect or its
  /// certificate. Call::device() is who it proved to be.
  constexpr bool is_for_device() const {
    return needed == hub::Rights::device_connect && pattern.starts_with("devices/{device}/");
  }
};

/// All the service's operations; of two that fit the first counts.
std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::string> ids;  ///< what the pattern's `{...}` took, in order
  std::string allowed;           ///< the path's methods (`GET, PUT`); empty: there is no such path
};

RouteMatch find_route(std::span<const Route> table, std::string_view method, std::span<const std::string> segments);

}  // namespace iothub::heads::rest
