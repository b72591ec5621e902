#pragma once
/// Refusals of the hub as AMQP error conditions.
#include "emulator/hub/errors.h"
#include "protocol/amqp/engine.h"

namespace iothub::hub {
class Hub;
}

namespace iothub::heads::amqp_head {

/// The condition that the SDKs map to their exception (amqp.md 2.6), described by the bare error object.
amqp::Condition condition_of(hub::Hub& hub, const hub::HubError& error);

}  // namespace iothub::heads::amqp_head
