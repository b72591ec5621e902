#pragma once
/// Values of AMQP messages as the hub keeps them.
#include <optional>
#include <string>

#include "protocol/amqp/value.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::amqp_head {

/// An application property: the hub keeps texts. Numbers and booleans as JSON writes them, times as ISO 8601; empty for
/// null and what is no simple value.
std::string property_text(const amqp::Value& value);

/// Nothing outside the years 1 to 9999.
std::optional<Timestamp> timestamp_of(amqp::Time time);

}  // namespace iothub::heads::amqp_head
