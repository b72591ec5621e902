#include "tests/wire/support/amqp_notation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace iothub::test {
namespace {

using Tokens = std::vector<std::string>;

constexpr std::size_t kHeaderSize = 8;
constexpr std::string_view kAmqpHeader("AMQP\0\1\0\0", kHeaderSize);
constexpr std::string_view kSaslHeader("AMQP\3\1\0\0", kHeaderSize);

// clang-format off
constexpr auto kDescriptors = std::to_array<std::pair<unsigned, std::string_view>>({
    {0x10, "open"}, {0x11, "begin"}, {0x12, "attach"}, {0x13, "flow"}, {0x14, "transfer"}, {0x15, "disposition"},
    {0x16, "detach"}, {0x17, "end"}, {0x18, "close"}, {0x1d, "error"},
    {0x23, "received"}, {0x24, "accepted"}, {0x25, "rejected"}, {0x26, "released"}, {0x27, "modified"},
    {0x28, "source"}, {0x29, "target"},
    {0x40, "mechanisms"}, {0x41, "init"}, {0x44, "outcome"},
    {0x70, "header"}, {0x71, "delivery-annotations"}, {0x72, "annotations"}, {0x73, "properties"},
    {0x74, "application-properties"}, {0x75, "data"}, {0x77, "value"}, {0x78, "footer"},
});
// clang-format on

std::optional<unsigned> descriptor_of(std::string_view name) {
  for (const auto& [code, each] : kDescriptors)
    if (each == name) return code;
  return std::nullopt;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    out += kDigits[value >> 4U];
    out += kDigits[value & 0x0FU];
  }
  return out;
}

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (; !hex.empty(); hex.remove_prefix(std::min<std::size_t>(2, hex.size()))) {
    unsigned value = 0;
    const auto [stop, error] =
        std::from_chars(hex.data(), hex.data() + std::min<std::size_t>(2, hex.size()), value, 16);
    if (error != std::errc{} || hex.size() < 2 || stop != hex.data() + 2)
      throw std::invalid_argument("no hex: " + std::string(hex.substr(0, 20)));
    out += static_cast<char>(value);
  }
  return out;
}

std::string number(std::size_t value, int width) {
  std::string out;
  for (int byte = width - 1; byte >= 0; --byte) out += static_cast<char>(value >> (8U * static_cast<unsigned>(byte)));
  return out;
}

bool begins_frame(std::string_view token) {
  return token == "[" || token == "amqp-header" || token == "sasl-header";
}

bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`' || c == '~';
}

/// The bytes that follow a constructor of fixed width; nothing for the others (AMQP 1.0, 1.2).
std::optional<std::size_t> width_of(unsigned constructor) {
  constexpr std::array<std::size_t, 6> kWidths{0, 1, 2, 4, 8, 16};
  const unsigned kind = constructor >> 4U;
  return kind < 4 || kind > 9 ? std::nullopt : std::optional(kWidths.at(kind - 4));
}

bool is_wide(unsigned constructor) {
  const unsigned kind = constructor >> 4U;
  return kind == 0xB || kind == 0xD || kind == 0xF;
}

Tokens tokens_of(std::string_view text) {
  Tokens tokens;
  while (true) {
    const std::size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return tokens;
    text.remove_prefix(begin);
    std::size_t end = 0;
    while (end < text.size() && std::string_view(" \n()[]").find(text[end]) == std::string_view::npos &&
           !is_quote(text[end]))
      ++end;
    if (end < text.size() && is_quote(text[end])) {
      end = text.find(text[end], end + 1);
      if (end == std::string_view::npos) throw std::invalid_argument("a text without its end: " + std::string(text));
      ++end;
    } else if (end < text.size() && (text[end] == '(' || end == 0)) {
      ++end;
    }
    tokens.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// ---- notation to bytes ----------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(Tokens tokens) : tokens_(std::move(tokens)) {}

  std::string all() {
    std::string out;
    while (at_ < tokens_.size()) {
      if (tokens_[at_] == "[") {
        out += frame();
      } else if (tokens_[at_] == "amqp-header" || tokens_[at_] == "sasl-header") {
        out += take() == "amqp-header" ? kAmqpHeader : kSaslHeader;
      } else {
        out += value();
      }
    }
    return out;
  }

 private:
  const std::string& take() {
    if (at_ == tokens_.size()) throw std::invalid_argument("the notation ends too early");
    return tokens_[at_++];
  }
  [[noreturn]] static void fail(const std::string& token) { throw std::invalid_argument("no notation: " + token); }

  std::string frame() {
    take();
    const std::string channel = take();
    const bool is_sasl = channel == "sasl";
    std::string body;
    while (at_ < tokens_.size() && tokens_[at_] != "]") body += value();
    take();
    return number(kHeaderSize + body.size(), 4) + '\2' + (is_sasl ? '\1' : '\0') +
           number(is_sasl ? 0 : std::stoul(channel), 2) + body;
  }

  std::string value() {
    const std::string token = take();
    if (token == "-") return "\x40";
    if (token == "true") return "\x41";
    if (token == "false") return "\x42";
    if (token == "00") {
      std::string described(1, '\0');
      described += value();
      return described + value();
    }
    if (const std::optional<unsigned> descriptor = descriptor_of(token))
      return std::string("\0\x53", 2) + static_cast<char>(*descriptor) + value();
    if (token[0] == '#') return variable(0xA0, bytes_of(token.substr(1)), false);
    if (token.back() == '(') return compound(token);
    if (token.size() > 1 && is_quote(token.back())) return quoted(token);
    const std::string constructor = bytes_of(token);
    const std::optional<std::size_t> width = width_of(static_cast<unsigned char>(constructor[0]));
    if (constructor.size() != 1 || !width) fail(token);
    const std::string bytes = *width == 0 ? "" : bytes_of(take());
    if (bytes.size() != *width) fail(token);
    return constructor + bytes;
  }

  /// `short_code` is of the form with one byte of length; four more make it the wide one of its kind.
  static std::string variable(unsigned short_code, const std::string& content, bool wide) {
    wide = wide || content.size() > 0xFF;
    return static_cast<char>(short_code + (wide ? 0x10 : 0)) + number(content.size(), wide ? 4 : 1) + content;
  }

  static std::string quoted(const std::string& token) {
    const char quote = token.back();
    const std::size_t begin = token.find(quote);
    const std::string content = token.substr(begin + 1, token.size() - begin - 2);
    const unsigned kind = quote == '`' ? 0xA0 : quote == '\'' ? 0xA3 : 0xA1;
    return variable(kind, content, begin != 0);
  }

  std::string compound(const std::string& token) {
    const std::string name = token.substr(0, token.size() - 1);
    unsigned code = name.empty() ? 0xC0 : name == "map" ? 0xC1 : name == "array" ? 0xE0 : 0;
    if (code == 0) code = static_cast<unsigned char>(bytes_of(name).at(0));
    const bool is_array = code >> 4U >= 0xE;
    std::string element = is_array ? bytes_of(take()) : "";
    std::string items = element;
    std::size_t count = 0;
    for (; at_ < tokens_.size() && tokens_[at_] != ")"; ++count) {
      std::string item = value();
      if (is_array && item[0] != element[0]) item = variable(0xA0, item.substr(2), true);
      items += is_array ? item.substr(1) : item;
    }
    take();
    const bool wide = is_wide(code) || items.size() + 1 > 0xFF || count > 0xFF;
    if (wide && !is_wide(code)) code += 0x10;
    const int width = wide ? 4 : 1;
    return static_cast<char>(code) + number(items.size() + static_cast<std::size_t>(width), width) +
           number(count, width) + items;
  }

  Tokens tokens_;
  std::size_t at_ = 0;
};

// ---- bytes to notation ----------------------------------------------------------------------------------------------

/// A binary, string or symbol by the last digit of its constructor.
std::string text_of(unsigned kind, std::string_view content) {
  const bool plain = std::all_of(content.begin(), content.end(), [](char c) { return c >= ' ' && c <= '~'; });
  const char quote = kind == 0 ? '`' : kind == 3 ? '\'' : content.find('"') == std::string_view::npos ? '"' : '~';
  if (kind == 0 && (!plain || content.find(quote) != std::string_view::npos)) return "#" + hex_of(content);
  return quote + std::string(content) + quote;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string frame() {
    if (rest_ == kAmqpHeader) return "amqp-header";
    if (rest_ == kSaslHeader) return "sasl-header";
    take(5);  // the size and the data offset: shown() compares them
    const bool is_sasl = take(1) != std::string_view("\0", 1);
    const std::size_t channel = length(2);
    std::string out = "[" + (is_sasl ? "sasl" : std::to_string(channel));
    while (!rest_.empty()) out += " " + value();
    return out + "]";
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) throw std::invalid_argument("a frame ends too early");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::size_t length(std::size_t width) {
    std::size_t value = 0;
    for (const char c : take(width)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }

  std::string value() {
    if (rest_.size() > 2 && rest_.starts_with(std::string_view("\0\x53", 2))) {
      for (const auto& [code, name] : kDescriptors) {
        if (code != static_cast<unsigned char>(rest_[2])) continue;
        take(3);
        return std::string(name) + " " + value();
      }
    }
    const std::string_view code = take(1);
    if (code[0] != '\0') return of(static_cast<unsigned char>(code[0]), true);
    const std::string descriptor = value();
    return "00 " + descriptor + " " + value();
  }

  /// What `constructor` begins; its own bytes are shown where nothing else tells them.
  std::string of(unsigned constructor, bool tells) {
    if (constructor == 0x40) return "-";
    if (constructor == 0x41) return "true";
    if (constructor == 0x42) return "false";
    const std::string code = hex_of(std::string(1, static_cast<char>(constructor)));
    if (const std::optional<std::size_t> width = width_of(constructor))
      return *width == 0 ? code : code + " " + hex_of(take(*width));
    const std::size_t size = length(is_wide(constructor) ? 4 : 1);
    if (constructor >> 4U <= 0xB) {
      const std::string_view content = take(size);
      return (tells && is_wide(constructor) && size <= 0xFF ? code : "") + text_of(constructor & 0xFU, content);
    }
    Reader inner(take(size));
    return inner.compound(constructor, code);
  }

  std::string compound(unsigned constructor, const std::string& code) {
    const bool wide = is_wide(constructor);
    std::size_t count = length(wide ? 4 : 1);
    const std::size_t size = rest_.size();
    std::string out;
    if (constructor >> 4U >= 0xE) {
      const std::string_view element = take(1);
      out = hex_of(element);
      for (; count > 0; --count) out += " " + of(static_cast<unsigned char>(element[0]), false);
      return (wide && size < 0xFF ? code + "(" : "array(") + out + ")";
    }
    for (; count > 0; --count) out += (out.empty() ? "" : " ") + value();
    const bool says = wide && size < 0xFF;
    return (says ? code : (constructor & 0xFU) == 1 ? "map" : "") + "(" + out + ")";
  }

  std::string_view rest_;
};

/// Where the value that begins at `at` ends.
std::size_t value_end(const Tokens& tokens, std::size_t at) {
  if (at >= tokens.size()) return at;
  const std::string& token = tokens[at];
  if (token == "00") return value_end(tokens, value_end(tokens, at + 1));
  if (descriptor_of(token)) return value_end(tokens, at + 1);
  if (token.back() == '(') {
    std::size_t end = at + 1;
    for (std::size_t depth = 1; end < tokens.size() && depth > 0; ++end) {
      if (tokens[end].back() == '(') ++depth;
      if (tokens[end] == ")") --depth;
    }
    return end;
  }
  const bool is_constructor = token.size() == 2 && std::isxdigit(static_cast<unsigned char>(token[0])) != 0 &&
                              std::isxdigit(static_cast<unsigned char>(token[1])) != 0;
  return at + (is_constructor && token[0] > '4' ? 2 : 1);
}

std::string laid_out(const Tokens& tokens, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) {
    const bool opens = out.empty() || out.back() == '(' || out.back() == '[';
    const bool closes = tokens[i] == ")" || tokens[i] == "]";
    out += (begins_frame(tokens[i]) && !out.empty() ? "\n" : opens || closes ? "" : " ") + tokens[i];
  }
  return out;
}

}  // namespace

std::string amqp_binary(std::string_view bytes) {
  return text_of(0, bytes);
}

std::string amqp_uint(int value) {
  return value == 0 ? "43" : "52 " + hex_of(std::string(1, static_cast<char>(value)));
}

std::size_t amqp_frame_count(std::string_view notation) {
  const Tokens tokens = tokens_of(notation);
  return static_cast<std::size_t>(std::count_if(tokens.begin(), tokens.end(), begins_frame));
}

std::string amqp_bytes(std::string_view notation, const Names& names) {
  return Writer(tokens_of(with_names(notation, names))).all();
}

std::string amqp_shown(std::string_view frame) {
  try {
    std::string notation = Reader(frame).frame();
    if (amqp_bytes(notation) == frame) return notation;
  } catch (const std::invalid_argument&) {  // shown as it is
  }
  return "bytes that have no notation: " + shown(frame);
}

std::string amqp_filled(std::string_view expected, std::string_view shown, Names& names) {
  Tokens wanted = tokens_of(with_names(expected, names));
  const Tokens there = tokens_of(shown);
  for (std::size_t i = 0; i < wanted.size() && i < there.size(); ++i) {
    if (wanted[i][0] == '?') {
      names[wanted[i].substr(1)] = laid_out(there, i, value_end(there, i));
    } else if (wanted[i] == there[i]) {
      continue;
    }
    const auto name = names.find(std::string_view(wanted[i]).substr(1, wanted[i].find_last_not_of('}')));
    if (name == names.end() || (wanted[i][0] != '?' && wanted[i][0] != '{')) break;  // here the two part
    const Tokens value = tokens_of(name->second);
    wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(i));
    wanted.insert(wanted.begin() + static_cast<std::ptrdiff_t>(i), value.begin(), value.end());
    i += value.size() - 1;
  }
  return laid_out(wanted, 0, wanted.size());
}

}  // namespace iothub::test
