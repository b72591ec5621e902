#pragma once
/// Where a receiver of events begins: the selector filter of its source (amqp.md 2.8).
#include <string_view>

#include "emulator/hub/errors.h"
#include "emulator/hub/event_reader.h"
#include "protocol/amqp/value.h"

namespace iothub::heads::amqp_head {

/// `amqp.annotation.x-opt-offset > '-1'`: offset, sequence-number or enqueued-time, `>` or `>=`; the offset `@latest`
/// is the end. 400004 for anything else.
hub::Result<hub::EventPosition> parse_event_filter(std::string_view selector);

/// Of a source's filter map; the start when it has no selector.
hub::Result<hub::EventPosition> event_position(const amqp::Map& filter);

}  // namespace iothub::heads::amqp_head
