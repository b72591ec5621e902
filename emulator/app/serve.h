#pragma once
#include "emulator/app/config.h"

namespace iothub::app {

/// `serve`: a hub until SIGINT or SIGTERM. Returns the exit status; throws as Emulator does.
int serve(const Config& config);

}  // namespace iothub::app
