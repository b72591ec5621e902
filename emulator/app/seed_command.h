#pragma once
/// `iothub-emulator seed apply|validate|diff FILE...` and `seed export`.
#include "emulator/app/config.h"

namespace iothub::app {

/// Speaks to the hub that runs with the data folder; where none does, works on the folder itself. Answers an exit
/// status; throws SeedError, storage::Error and what HubClient throws.
int run_seed_command(const Config& config);

}  // namespace iothub::app
