#pragma once
/// Twin requests of a device, their answers, and notifications of desired properties (amqp.md 2.4).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/twin.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

enum class TwinOperation : std::uint8_t {
  get,
  patch_reported,
  subscribe,    ///< PUT of the notifications of desired properties
  unsubscribe,  ///< DELETE of them
};

/// By the annotations `operation` and `resource`; nothing for any other pair. `version` says nothing (amqp.md 2.4).
std::optional<TwinOperation> twin_operation(const amqp::Message& request);

/// The correlation id comes back with its type. C wants the status an int and the version a long; an empty body stays
/// an empty Data section.
std::string encode_twin_answer(const amqp::Message& request, int status, std::optional<std::int64_t> version,
                               std::string body);

/// Without a correlation id: that tells it from an answer. The resource is for Java.
std::string encode_desired_change(const hub::DesiredChange& change);

}  // namespace iothub::heads::amqp_head
