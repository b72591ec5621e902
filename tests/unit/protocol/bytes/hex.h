#pragma once
/// Bytes as tests write and read them.
#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace iothub::test {

/// `30 05 00 01 't' 'hi'`: hex digits in pairs, and ASCII text between single quotes; blanks are free.
inline std::string bytes_of(std::string_view notation) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  while (!notation.empty()) {
    if (notation.front() == ' ') {
      notation.remove_prefix(1);
    } else if (notation.front() == '\'') {
      const std::size_t end = notation.find('\'', 1);
      REQUIRE(end != std::string_view::npos);
      out += notation.substr(1, end - 1);
      notation.remove_prefix(end + 1);
    } else {
      REQUIRE(notation.size() >= 2);
      const std::size_t high = kDigits.find(notation[0]);
      const std::size_t low = kDigits.find(notation[1]);
      REQUIRE(high != std::string_view::npos);
      REQUIRE(low != std::string_view::npos);
      out += static_cast<char>(high * 16 + low);
      notation.remove_prefix(2);
    }
  }
  return out;
}

/// `20 02 00 00`
inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ' ';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

inline std::span<const std::byte> as_bytes(std::string_view bytes) {
  return std::as_bytes(std::span(bytes));
}

}  // namespace iothub::test
