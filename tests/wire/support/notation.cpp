#include "tests/wire/support/notation.h"

#include <array>
#include <charconv>
#include <stdexcept>

namespace iothub::test {
namespace {

void append_remaining_length(std::size_t length, std::string& out) {
  do {
    const auto digit = static_cast<unsigned char>(length & 0x7FU);
    length >>= 7U;
    out += static_cast<char>(length == 0 ? digit : digit | 0x80U);
  } while (length != 0);
}

void append_length(std::size_t length, std::string& out) {
  if (length > 0xFFFF) throw std::invalid_argument("a text too long for MQTT");
  out += static_cast<char>(length >> 8U);
  out += static_cast<char>(length & 0xFFU);
}

std::string_view take_text(std::string_view& rest, char quote) {
  const std::size_t end = rest.find(quote);
  if (end == std::string_view::npos) throw std::invalid_argument("a text without its end");
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

char take_byte(std::string_view& rest) {
  unsigned value = 0;
  const std::string_view digits = rest.substr(0, 2);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || digits.size() != 2 || stop != digits.data() + 2) {
    throw std::invalid_argument("no notation: " + std::string(rest.substr(0, 20)));
  }
  rest.remove_prefix(2);
  return static_cast<char>(value);
}

std::string read(std::string_view& rest, const Names& names, bool in_brackets) {
  std::string out;
  while (!rest.empty()) {
    const char next = rest.front();
    if (next == ' ' || next == '\n') {
      rest.remove_prefix(1);
    } else if (next == '"' || next == '\'') {
      rest.remove_prefix(1);
      const std::string text = with_names(take_text(rest, next), names);
      if (next == '"') append_length(text.size(), out);
      out += text;
    } else if (next == '[') {
      rest.remove_prefix(1);
      const std::string inner = read(rest, names, true);
      append_remaining_length(inner.size(), out);
      out += inner;
    } else if (next == ']' && in_brackets) {
      rest.remove_prefix(1);
      return out;
    } else {
      out += take_byte(rest);
    }
  }
  if (in_brackets) throw std::invalid_argument("a bracket is not closed");
  return out;
}

}  // namespace

std::string wire_bytes(std::string_view notation, const Names& names) {
  return read(notation, names, false);
}

std::string with_names(std::string_view text, const Names& names) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 1);
    const std::size_t close = text.find('}');
    const auto name = names.find(text.substr(0, close));
    if (name == names.end()) {
      out += '{';  // JSON's, not ours
      continue;
    }
    out += name->second;
    text.remove_prefix(close + 1);
  }
  return out;
}

std::string shown(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::size_t kLongest = 600;
  std::string out;
  bool quoted = false;
  for (const char c : bytes.substr(0, kLongest)) {
    const bool printable = c >= ' ' && c <= '~';
    if (printable != quoted) out += quoted ? "'" : out.empty() ? "'" : " '";
    quoted = printable;
    if (printable) {
      out += c;
      continue;
    }
    const auto value = static_cast<unsigned char>(c);
    if (!out.empty()) out += ' ';
    out += kDigits[value >> 4U];
    out += kDigits[value & 0x0FU];
  }
  if (quoted) out += '\'';
  if (bytes.size() > kLongest) out += " ... (" + std::to_string(bytes.size()) + " bytes)";
  return out.empty() ? "nothing" : out;
}

}  // namespace iothub::test
