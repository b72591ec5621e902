#pragma once
/// What every head says of a refusal: to the log, and to a peer that reads the service's error object.
#include <string>
#include <string_view>

#include "emulator/hub/errors.h"

namespace iothub::hub {
class Hub;
}

namespace iothub::heads {

/// What a client said, fit for one log line: 400 bytes at most, control characters as `?`.
std::string shown(std::string_view said);

/// Why, for the log.
const std::string& said(const hub::HubError& error);

/// The bare inner object of the service's error form B: bodies of MQTT and AMQP twin answers, descriptions of AMQP
/// conditions (corrections.md 2 and 4: recorded ones).
std::string error_object(hub::Hub& hub, const hub::HubError& error);

}  // namespace iothub::heads
