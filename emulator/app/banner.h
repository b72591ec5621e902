#pragma once
/// The block that a person sees when the hub is ready.
#include <string>

#include "emulator/app/running_hub.h"

namespace iothub::app {

/// Several lines, each ended: ports, CA file, connection strings to paste. `keeps` says where the data is kept.
std::string banner(const RunningHub& hub, const std::string& listen_address, const std::string& keeps);

}  // namespace iothub::app
