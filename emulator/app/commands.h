#pragma once
#include <string>
#include <vector>

#include "emulator/app/environment.h"

namespace iothub::app {

/// The program: reads the configuration, runs the command and returns the exit status (exit_status.h). Results go to
/// stdout, all else to stderr; a failure is one line there.
int run(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace iothub::app
