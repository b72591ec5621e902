#pragma once
#include "emulator/app/config.h"

namespace iothub::app {

/// `exec`: a hub for as long as one command runs, with the caller's environment and what makes clients find and trust
/// the hub. Returns the command's exit status, kKilledBySignal plus the signal's number, kCommandNotFound or
/// kCannotExecute; throws as Emulator does. Standard input, output and error are the command's.
int exec(const Config& config, const Environment& environment);

}  // namespace iothub::app
