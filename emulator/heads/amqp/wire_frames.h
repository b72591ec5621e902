#pragma once
/// AMQP frames as the protocol tap tells them: performatives with the names of their fields, links by their addresses,
/// and the message of a transfer where one frame holds it.
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/heads/wire.h"
#include "protocol/amqp/frame.h"

namespace iothub::heads::amqp_head {

/// Reads both directions of one connection, from any moment on. A frame that was under way then is passed over; links
/// that were attached before have no address.
class WireFrames {
 public:
  void received(std::span<const std::byte> bytes, WireTap& tap);
  /// Whole frames only, as the session queues them.
  void sent(std::span<const std::byte> bytes, WireTap& tap);

 private:
  struct Direction {
    bool by_hub;
    std::map<std::pair<std::uint16_t, std::int64_t>, std::string> links{};  ///< addresses, by channel and handle
    std::set<std::pair<std::uint16_t, std::int64_t>> unfinished{};          ///< whose message has more frames to come
  };

  void tell(std::string_view frame, Direction& direction, WireTap& tap);
  void add_link(const amqp::Frame& frame, Direction& direction, hub::Json& fields);
  void add_message(const amqp::Frame& frame, Direction& direction, hub::Json& fields);

  std::string partial_;  ///< the beginning of a frame that is being received
  Direction from_peer_{.by_hub = false};
  Direction from_hub_{.by_hub = true};
};

}  // namespace iothub::heads::amqp_head
