#pragma once
/// Reads one whole packet as a server receives it, or as it sends it. What MQTT 3.1.1 calls malformed is refused: the
/// connection must be closed.
#include <boost/system/result.hpp>
#include <span>
#include <string>

#include "protocol/mqtt/packet.h"

namespace iothub::mqtt {

struct DecodeError {
  std::string reason;  ///< for the log: what is wrong, and the section of the specification
};
[[noreturn]] void throw_exception_from_error(const DecodeError& error, const boost::source_location& where);

using Decoded = boost::system::result<ClientPacket, DecodeError>;

/// `packet` is what next_frame() gave; the result borrows from it.
Decoded decode(std::span<const std::byte> packet);

using DecodedOfServer = boost::system::result<ServerPacket, DecodeError>;

/// The same for what encode.h writes: for who looks at a connection.
DecodedOfServer decode_server(std::span<const std::byte> packet);

}  // namespace iothub::mqtt
