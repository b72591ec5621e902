#include "protocol/text/percent.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace iothub::text;

TEST_CASE("hex pairs are decoded in either case and a plus stays a plus") {
  CHECK(percent_decode("") == "");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("%24.ct=application%2Fjson") == "$.ct=application/json");
  CHECK(percent_decode("%2f%2F%aB%Ab") == "//\xAB\xAB");
  CHECK(percent_decode("%2541") == "%41");  // once, not twice
  CHECK(percent_decode("a%00b") == std::string("a\0b", 3));
  CHECK(percent_decode("\xC3\xA4") == "\xC3\xA4");
}

TEST_CASE("a percent sign without two hex digits is refused") {
  for (const std::string_view text :
       {"%", "%4", "a%", "a%4", "%%", "%G1", "%1G", "%4%41", "% 41", "%+1", "%-1", "%0x", "%41%"}) {
    CAPTURE(text);
    CHECK(!percent_decode(text));
  }
  constexpr std::string_view kSlash = "%2F";  // digits behind the text's end do not count
  CHECK(!percent_decode(kSlash.substr(0, 2)));
  CHECK(!percent_decode(kSlash.substr(0, 1)));
}

TEST_CASE("only unreserved characters stay as they are") {
  std::string kept;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string encoded = percent_encode(one);
    CAPTURE(byte);
    CHECK(percent_decode(encoded) == one);
    if (encoded == one) kept += one;
  }
  CHECK(kept == "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
  CHECK(percent_encode("myhub.azure-devices.net/devices/d 1") == "myhub.azure-devices.net%2Fdevices%2Fd%201");
  CHECK(percent_encode("\xC3\xA4+%") == "%C3%A4%2B%25");
}
