#pragma once
/// The devices and modules of a seed, whichever form it has, in the order in which they can be made.
#include <optional>
#include <string>
#include <vector>

#include "emulator/hub/ids.h"
#include "emulator/seed/seed.h"

namespace iothub::seed {

struct SeedModule {
  hub::Identity identity;
  const hub::Json* json = nullptr;
  std::string pointer;
};

struct SeedDevice {
  hub::DeviceId id;
  const hub::Json* json = nullptr;  ///< null: only modules of it are given
  std::string pointer;
  std::optional<std::string> parent;
  std::vector<SeedModule> modules;
};

/// Parents before their children. Borrows from the seed.
Result<std::vector<SeedDevice>> devices_of(const Seed& seed);

/// `ms-azure-iot-edge://edge-1-637123` -> `edge-1`; nothing for another text.
std::optional<std::string> device_of_scope(const std::string& scope);

}  // namespace iothub::seed
