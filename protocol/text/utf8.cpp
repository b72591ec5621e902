#include "protocol/text/utf8.h"

#include <cstddef>
#include <cstdint>

namespace iothub::text {

bool is_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || more >= text.size() - i) return false;
    for (std::size_t j = 1; j <= more; ++j) {
      if ((at(i + j) & 0xC0) != 0x80) return false;
    }
    const std::uint8_t second = at(i + 1);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second >= 0xA0;
    const bool beyond_unicode = lead == 0xF4 && second >= 0x90;
    if (overlong || surrogate || beyond_unicode) return false;
    i += more + 1;
  }
  return true;
}

}  // namespace iothub::text
