#include "protocol/mqtt/frame.h"

namespace iothub::mqtt {

Frame next_frame(std::span<const std::byte> bytes, std::size_t limit) {
  constexpr std::size_t kMaxLengthBytes = 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kMaxLengthBytes; ++i) {
    if (1 + i >= bytes.size()) return {};
    const auto byte = std::to_integer<std::size_t>(bytes[1 + i]);
    length |= (byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;

    const std::size_t size = 2 + i + length;
    if (size > limit) {
      return {FrameStatus::malformed,
              {},
              "a packet of " + std::to_string(size) + " bytes; the limit is " + std::to_string(limit)};
    }
    if (bytes.size() < size) return {};
    return {FrameStatus::whole, bytes.first(size), {}};
  }
  return {FrameStatus::malformed, {}, "a remaining length of more than four bytes"};
}

}  // namespace iothub::mqtt
