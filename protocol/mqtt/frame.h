#pragma once
/// Finds whole packets in a stream of bytes (MQTT 3.1.1, section 2.2).
#include <cstddef>
#include <span>
#include <string>

namespace iothub::mqtt {

/// Of a whole packet, header included. The hub takes 256 KiB of payload; the rest is room for topic and properties.
inline constexpr std::size_t kMaxPacketBytes = 256 * 1024 + 64 * 1024;
/// A client that has not proved who it is holds no more of our memory than this: client id, user name, a long SAS
/// token, a will.
inline constexpr std::size_t kMaxConnectBytes = 32 * 1024;

enum class FrameStatus { need_more, whole, malformed };

struct Frame {
  FrameStatus status = FrameStatus::need_more;
  std::span<const std::byte> packet;  ///< FrameStatus::whole: the first packet of the bytes, borrowed
  std::string reason;                 ///< FrameStatus::malformed
};

/// Looks at the first packet. A length of five bytes, or a packet longer than `limit`, is refused before it has
/// arrived.
Frame next_frame(std::span<const std::byte> bytes, std::size_t limit);

}  // namespace iothub::mqtt
