#pragma once
/// What a device sends to the events address (amqp.md 2.4).
#include <string>

#include "emulator/hub/events.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

/// Properties by the service's names. Some of the service's own come as application properties (`iothub-outputname`)
/// or annotations (`dt-subject`); those that repeat who is connected are dropped, and `to`, which every SDK sets to the
/// link's address. `body` gets the bytes that the telemetry's body shows.
hub::Telemetry telemetry_of(const amqp::Message& message, std::string& body);

}  // namespace iothub::heads::amqp_head
