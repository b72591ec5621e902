#pragma once
/// Questions to `$management` of the event hub (amqp.md 2.8).
#include "emulator/hub/hub.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

/// The answer to READ of the event hub or of a partition: 404 for another name, 400 for another question.
amqp::Message answer_management(hub::Hub& hub, const amqp::Message& request);

/// An answer with a status, as `$management` and `$cbs` give it; the request's id comes back with its type.
amqp::Message status_answer(const amqp::Message& request, int status, std::string description);

/// The number of a partition, nothing when there is none of that name.
std::optional<int> partition_number(hub::Hub& hub, std::string_view name);

}  // namespace iothub::heads::amqp_head
