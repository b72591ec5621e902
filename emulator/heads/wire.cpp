#include "emulator/heads/wire.h"

#include <algorithm>
#include <array>

#include "protocol/text/ascii.h"
#include "protocol/text/utf8.h"

namespace iothub::heads {
namespace {

constexpr std::size_t kShownText = 1024;
constexpr std::size_t kShownHex = 64;

/// What stands before a secret: in SAS tokens, and in connection strings.
constexpr std::array<std::string_view, 3> kBeforeSecrets{"sig=", "sharedaccesskey=", "accountkey="};
constexpr std::string_view kAfterSecrets = "&;\"' \t\r\n";

/// Without the beginning of a character at the end.
std::string_view whole_characters(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && text.size() - end < 3 && (static_cast<unsigned char>(text[end - 1]) & 0xC0U) == 0x80U) --end;
  const bool begins = end > 0 && (static_cast<unsigned char>(text[end - 1]) & 0xC0U) == 0xC0U;
  return begins ? text.substr(0, end - 1) : text;
}

bool is_text(std::string_view bytes) {
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\r' && c != '\t';
  };
  return std::none_of(bytes.begin(), bytes.end(), is_control) && text::is_utf8(bytes);
}

}  // namespace

std::string without_secrets(std::string_view text) {
  const std::string lower = text::lower(text);
  std::string out;
  std::size_t done = 0;
  for (;;) {
    std::size_t secret = std::string::npos;
    for (const std::string_view before : kBeforeSecrets) {
      const std::size_t found = lower.find(before, done);
      if (found != std::string::npos) secret = std::min(secret, found + before.size());
    }
    if (secret == std::string::npos) return out.append(text.substr(done));
    out.append(text.substr(done, secret - done)).append("(cut)");
    done = std::min(text.find_first_of(kAfterSecrets, secret), text.size());
  }
}

hub::Json payload_preview(std::string_view payload) {
  hub::Json preview{{"bytes", payload.size()}};
  if (payload.empty()) return preview;
  // Cut by its secrets first: the end of what is shown must not hide the beginning of one.
  const std::string whole = without_secrets(payload);
  const bool long_text = whole.size() > kShownText;
  const std::string text(long_text ? whole_characters(std::string_view(whole).substr(0, kShownText)) : whole);
  if (is_text(text)) {
    preview["text"] = text;
    if (long_text) preview["cut"] = true;
    return preview;
  }
  preview["hex"] = hex_text(std::string_view(whole).substr(0, kShownHex));
  if (whole.size() > kShownHex) preview["cut"] = true;
  return preview;
}

std::string hex_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ' ';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
  return out;
}

}  // namespace iothub::heads
