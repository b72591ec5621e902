#pragma once
/// Programs that are started with a hub to speak to.
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "emulator/app/environment.h"

namespace iothub::app {

/// What the emulator is about to ignore, and a program would inherit: `command | head` would never end. Asked for
/// before there is an Emulator.
sigset_t signals_to_reset();

/// Starts the program, looked for in PATH, and gives its process id: 0, or an errno.
int spawn(std::vector<std::string> command, const Environment& environment, const sigset_t& reset, pid_t& child);

/// What shells say of the status that waitpid() gives.
int exit_status_of(int wait_status);

}  // namespace iothub::app
