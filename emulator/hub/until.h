#pragma once
/// How long a timer has to wait.
#include <chrono>
#include <cstdint>

#include "protocol/text/timestamp.h"

namespace iothub::hub {

/// Rounded up, so that `to` has come when a timer set for it fires; zero where it has already.
inline std::chrono::milliseconds until(Timestamp from, Timestamp to) {
  constexpr std::int64_t kTicksPerMillisecond = Timestamp::kPerSecond / 1000;
  if (to <= from) return std::chrono::milliseconds{0};
  return std::chrono::milliseconds{(to.ticks - from.ticks + kTicksPerMillisecond - 1) / kTicksPerMillisecond};
}

}  // namespace iothub::hub
