#pragma once
/// Direct methods on their pair of links (amqp.md 2.4). The two property names are spelled `IoThub-`.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/device_link.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

/// The UUIDs of one link's requests: C takes no other type for a correlation id, Java and .NET parse it. The first half
/// is the link's own, so that an answer to an earlier connection's request fits none of this one's; the second is the
/// hub's number of the request.
class MethodCorrelation {
 public:
  /// `seed`: 32 random hex digits.
  explicit MethodCorrelation(std::string_view seed);
  amqp::Uuid id_of(std::string_view request_id) const;
  /// The hub's number; nothing for an id that is not of this link. SDKs answer with a UUID, or its text.
  std::optional<std::string> request_id_of(const amqp::Value& correlation_id) const;

 private:
  std::string prefix_;  ///< as text: `xxxxxxxx-xxxx-xxxx-`
};

std::string encode_method_request(const hub::MethodRequest& request, const amqp::Uuid& correlation_id);

/// The status of a device's answer; nothing when it is missing or no integer.
std::optional<int> method_status(const amqp::Message& answer);

}  // namespace iothub::heads::amqp_head
