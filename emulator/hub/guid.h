#pragma once
/// Random guids: lock tokens.
#include <string>

#include "emulator/hub/clock.h"

namespace iothub::hub {

/// Version 4, lower-case, with dashes.
std::string new_guid(RandomSource& random);

}  // namespace iothub::hub
