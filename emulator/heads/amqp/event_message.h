#pragma once
/// An event as the Event-Hubs-compatible endpoint sends it (corrections.md 7).
#include <string>

#include "emulator/hub/event_reader.h"

namespace iothub::heads::amqp_head {

/// With the runtime metrics of its partition as delivery annotations: clients that did not ask for them pass over them.
std::string encode_event(const storage::EventRow& event, const hub::PartitionState& partition, Timestamp now);

}  // namespace iothub::heads::amqp_head
