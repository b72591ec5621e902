#include "protocol/mqtt/utf8.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/protocol/bytes/hex.h"

using iothub::mqtt::is_mqtt_text;
using iothub::test::bytes_of;

namespace {

std::string utf8(unsigned point) {
  const auto byte = [](unsigned value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
  if (point < 0x10000) {
    return {byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 0x3F)), byte(0x80 | (point & 0x3F))};
  }
  return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 0x3F)), byte(0x80 | (point >> 6 & 0x3F)),
          byte(0x80 | (point & 0x3F))};
}

}  // namespace

TEST_CASE("every code point but U+0000 and the surrogates is a text, alone and among others") {
  std::vector<unsigned> wrong;
  for (unsigned point = 0; point <= 0x10FFFF; ++point) {
    const bool allowed = point != 0 && !(point >= 0xD800 && point <= 0xDFFF);
    const std::string text = utf8(point);
    if (is_mqtt_text(text) != allowed || is_mqtt_text("a" + text + "b") != allowed) wrong.push_back(point);
  }
  CHECK(wrong == std::vector<unsigned>{});
}

TEST_CASE("of all lead bytes and second bytes only the well-formed ones are texts (Unicode, table 3-7)") {
  struct WellFormed {
    unsigned first_lead, last_lead, first_second, last_second, length;
  };
  constexpr auto kWellFormed = std::to_array<WellFormed>({
      {0xC2, 0xDF, 0x80, 0xBF, 2},
      {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3},
      {0xED, 0xED, 0x80, 0x9F, 3},
      {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4},
      {0xF1, 0xF3, 0x80, 0xBF, 4},
      {0xF4, 0xF4, 0x80, 0x8F, 4},
  });
  std::vector<std::string> wrong;
  for (unsigned lead = 0x80; lead <= 0xFF; ++lead) {
    for (unsigned second = 0; second <= 0xFF; ++second) {
      for (unsigned length = 2; length <= 4; ++length) {
        bool allowed = false;
        for (const WellFormed& row : kWellFormed) {
          allowed |= lead >= row.first_lead && lead <= row.last_lead && second >= row.first_second &&
                     second <= row.last_second && length == row.length;
        }
        std::string text{static_cast<char>(lead), static_cast<char>(second)};
        text.append(length - 2, '\x80');
        if (is_mqtt_text(text) != allowed) wrong.push_back(iothub::test::hex(text));
      }
    }
  }
  CHECK(wrong == std::vector<std::string>{});
}

TEST_CASE("a sequence that is cut, or whose later bytes are no continuation, is no text") {
  for (const std::string_view text :
       {"C3", "'a' C3", "E2 82", "F0 9F 98", "C3 'a'", "E2 82 'a'", "E2 82 C0", "F0 9F 'a' 80", "F0 9F 98 7F",
        "C3 A4 80", "80", "BF", "FE", "FF", "00", "'a' 00 'b'"}) {
    CAPTURE(text);
    CHECK(!is_mqtt_text(bytes_of(text)));
  }
}

TEST_CASE("a continuation behind the text's end does not count") {
  const std::string bytes = bytes_of("F0 9F 98 80");
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(!is_mqtt_text(std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("the empty text and control characters are texts") {
  CHECK(is_mqtt_text(""));
  CHECK(is_mqtt_text(bytes_of("01 09 1F 7F C2 80")));
  CHECK(is_mqtt_text(bytes_of("EF BF BF")));  // non-characters may be accepted (1.5.3)
}
