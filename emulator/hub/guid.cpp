#include "emulator/hub/guid.h"

#include <array>
#include <string_view>

namespace iothub::hub {

std::string new_guid(RandomSource& random) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<std::byte, 16> bytes;
  random.fill(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
  std::string guid;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) guid += '-';
    guid += kHex[std::to_integer<std::size_t>(bytes[i] >> 4)];
    guid += kHex[std::to_integer<std::size_t>(bytes[i] & std::byte{15})];
  }
  return guid;
}

}  // namespace iothub::hub
