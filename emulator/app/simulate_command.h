#pragma once
/// `iothub-emulator simulate`: simulated devices against a running hub.
#include "emulator/app/config.h"
#include "emulator/app/running_hub.h"

namespace iothub::app {

/// Registers the devices (with keys derived from their ids), runs them, shows progress on stderr each second and the
/// sums on stdout. Exit status 1 when a connection was refused or lost, 4 for a template that is refused. Throws
/// SeedError, HubClientError.
int run_simulate_command(const Config& config, const RunningHub& hub);

}  // namespace iothub::app
