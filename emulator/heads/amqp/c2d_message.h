#pragma once
/// Cloud-to-device messages as the service sends and a device receives them, and their feedback (amqp.md 2.4, 2.5).
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/c2d.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/feedback.h"
#include "emulator/hub/ids.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

struct AddressedC2d {
  hub::Identity to;
  hub::C2dMessage message;
};

/// A message to `/messages/devicebound`; its `to` names the device or module. Refuses with 400003 when it does not, and
/// with 400004 an `iothub-ack` that is none of the four.
hub::Result<AddressedC2d> addressed_c2d(const amqp::Message& message);

/// As a device or module receives it. .NET reads the annotations by their exact types, and of the properties only
/// strings.
std::string encode_c2d(const hub::C2dMessage& message);

/// A batch of feedback; .NET wants its user id and enqueued time.
std::string encode_feedback(const hub::FeedbackBatch& batch, std::string_view hub_name);

/// A lock token as a delivery tag and back: .NET reads tags of 16 bytes as a Guid, whose first three fields are
/// little-endian.
std::string delivery_tag(std::string_view lock_token);
/// Nothing for a tag of another length.
std::optional<std::string> lock_token_of(std::string_view delivery_tag);

}  // namespace iothub::heads::amqp_head
