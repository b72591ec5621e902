#pragma once
#include "emulator/app/config.h"
#include "emulator/app/environment.h"

namespace iothub::app {

/// `scenario run FILE...`: kDone when every scenario passed, else kFailed. All files are read before the first runs.
/// Throws SeedError for one that cannot be read or is refused, and as Emulator does.
int run_scenario_command(const Config& config, const Environment& environment);

}  // namespace iothub::app
