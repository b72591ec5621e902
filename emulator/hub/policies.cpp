#include "emulator/hub/policies.h"

#include "emulator/hub/limits.h"
#include "protocol/text/base64.h"

namespace iothub::hub {
namespace {

/// 32 readable bytes: whoever decodes a well-known key sees at once that it is one.
std::string well_known_key(std::string_view policy, std::string_view which) {
  std::string bytes = std::string(policy) + "-" + std::string(which) + "-key-";
  bytes.resize(kGeneratedKeyBytes, '0');
  return text::base64_encode(bytes);
}

}  // namespace

std::string to_string(Rights rights) {
  std::string out;
  const auto add = [&](std::string_view name) { out.append(out.empty() ? "" : ", ").append(name); };
  if (includes(rights, Rights::registry_write)) {
    add("RegistryWrite");
  } else if (includes(rights, Rights::registry_read)) {
    add("RegistryRead");
  }
  if (includes(rights, Rights::service_connect)) add("ServiceConnect");
  if (includes(rights, Rights::device_connect)) add("DeviceConnect");
  return out.empty() ? "nothing" : out;
}

std::vector<Policy> default_policies() {
  struct Row {
    std::string_view name;
    Rights rights;
  };
  static constexpr Row kRows[] = {
      {"iothubowner", Rights::registry_write | Rights::service_connect | Rights::device_connect},
      {"service", Rights::service_connect},
      {"device", Rights::device_connect},
      {"registryRead", Rights::registry_read},
      {"registryReadWrite", Rights::registry_write},
  };
  std::vector<Policy> policies;
  for (const Row& row : kRows) {
    policies.push_back({std::string(row.name), row.rights, well_known_key(row.name, "primary"),
                        well_known_key(row.name, "secondary")});
  }
  return policies;
}

}  // namespace iothub::hub
