#pragma once
/// Which throttle an operation draws on, and what of it counts as messages of the day (documentation: IoT Hub quotas
/// and throttling; Azure IoT Hub billing information).
#include <cstddef>
#include <optional>

#include "emulator/heads/rest/routes.h"
#include "emulator/hub/throttle.h"

namespace iothub::heads::rest {

struct Meter {
  enum class Charge : unsigned char { nothing, one_message, request, answer, both };

  hub::Operation operation{};
  Charge charge = Charge::nothing;
};

/// Nothing: the operation is not throttled, or the hub itself asks (telemetry, cloud-to-device messages).
std::optional<Meter> meter_of(const Route& route);

/// Counts a successful operation by the sizes of its bodies.
void charge(hub::Throttle& throttle, const Meter& meter, std::size_t request, std::size_t answer);

}  // namespace iothub::heads::rest
