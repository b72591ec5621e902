#pragma once
/// Counters in Prometheus' text format (Prometheus documentation: Exposition formats).
#include <cstddef>
#include <string>

#include "emulator/hub/directory.h"

namespace iothub::heads::control {

std::string metrics_text(const hub::HubDirectory& hubs, std::size_t resident_bytes);

}  // namespace iothub::heads::control
