#pragma once
/// Shared access policies: who may do what with a hub-level key (documentation: Control access to IoT Hub).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace iothub::hub {

/// A set of the service's four permissions; RegistryWrite brings RegistryRead (C# SDK, enum AccessRights).
enum class Rights : std::uint8_t {
  none = 0,
  registry_read = 1,
  registry_write = 3,
  service_connect = 4,
  device_connect = 8,
};
constexpr Rights operator|(Rights a, Rights b) {
  return static_cast<Rights>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool includes(Rights held, Rights needed) {
  return (static_cast<std::uint8_t>(held) & static_cast<std::uint8_t>(needed)) == static_cast<std::uint8_t>(needed);
}
/// `RegistryRead, ServiceConnect`: for the log.
std::string to_string(Rights rights);

struct Policy {
  std::string name;
  Rights rights = Rights::none;
  std::string primary_key;  ///< base64
  std::string secondary_key;
};

/// The five policies every hub is born with. Their keys are fixed and published (README), so that a connection string
/// is the same on every machine: an emulator's keys guard nothing.
std::vector<Policy> default_policies();

}  // namespace iothub::hub
