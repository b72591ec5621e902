#include "protocol/text/base64.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

using namespace iothub::text;

TEST_CASE("base64 is written and read as RFC 4648 shows it") {
  struct Row {
    std::string_view bytes;
    std::string_view text;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xFB\xEF\xFF", "++//"},
  });
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(base64_encode(row.bytes) == row.text);
    CHECK(base64_decode_text(row.text) == row.bytes);
  }
}

TEST_CASE("all bytes at every length come back") {
  std::string bytes;
  for (int i = 0; i < 512; ++i) {
    const std::string text = base64_encode(bytes);
    CAPTURE(text);
    CHECK(text.size() == (bytes.size() + 2) / 3 * 4);
    CHECK(base64_decode_text(text) == bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST_CASE("every symbol of the alphabet stands for its own value") {
  std::string bytes;  // 0, 1, ... 63 in six bits each
  for (unsigned value = 0; value < 64; value += 4) {
    const unsigned group = value << 18 | (value + 1) << 12 | (value + 2) << 6 | (value + 3);
    bytes += {static_cast<char>(group >> 16), static_cast<char>(group >> 8 & 0xFF), static_cast<char>(group & 0xFF)};
  }
  CHECK(base64_encode(bytes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  CHECK(base64_decode_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == bytes);
}

TEST_CASE("text and bytes are decoded alike") {
  const auto bytes = base64_decode("AP8=");
  REQUIRE(bytes);
  CHECK(*bytes == std::vector<std::byte>{std::byte{0x00}, std::byte{0xFF}});
  CHECK(base64_encode(*bytes) == "AP8=");
  CHECK(base64_decode_text("AP8=") == std::string{'\x00', '\xFF'});
}

TEST_CASE("text that is not strict base64 is refused") {
  for (const std::string_view text : {
           "Z",
           "Zg",
           "Zg=",
           "Zm9vY",
           "Zm8==",  // wrong length
           "====",
           "Z===",
           "=Zg=",
           "Zg=g",
           "Zg==Zm8=",  // padding where none belongs
           "Zm9v====",
           "Z=g=",
           "Zm9-",
           "Zm9_",
           "Zm9.",
           "Zm9 ",
           " m9v",
           "Zm9\n",  // foreign symbols
           "\xC3\xA4\xC3\xA4",
           "Zm9v\r\nZg==",  //
       }) {
    CAPTURE(text);
    CHECK(!base64_decode(text));
    CHECK(!base64_decode_text(text));
  }
  CHECK(!base64_decode(std::string_view("Zm9\0", 4)));
}

TEST_CASE("bits below the last byte do not count, as in .NET and Python") {
  CHECK(base64_decode_text("Zh==") == "f");
  CHECK(base64_decode_text("Zm9=") == "fo");
}
