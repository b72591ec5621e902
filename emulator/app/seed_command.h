#pragma once
/// `iothub-emulator seed apply|validate|diff FILE...` and `seed export`.
#include "emulator/app/config.h"
#include "emulator/app/hub_client.h"

namespace iothub::app {

/// On the data of a hub that is stopped. Answers an exit status; throws SeedError and storage::Error.
int run_seed_command(const Config& config);

/// The same but for validate on a hub that runs, over its control API. Throws SeedError and HubClientError.
int run_live_seed_command(const Config& config, const HubClient& client);

}  // namespace iothub::app
