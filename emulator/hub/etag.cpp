#include "emulator/hub/etag.h"

#include <array>

#include "protocol/text/base64.h"

namespace iothub::hub {

std::string identity_etag(std::int64_t counter) {
  return text::base64_encode(std::to_string(counter));
}

std::string twin_etag(std::int64_t counter) {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(counter) >> (8 * (7 - i)));
  }
  return text::base64_encode(bytes);
}

IfMatch IfMatch::parse(std::optional<std::string_view> header) {
  if (!header) return none();
  std::string_view value = *header;
  if (value.starts_with("W/")) value.remove_prefix(2);
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  if (quoted) value = value.substr(1, value.size() - 2);
  if (value.empty()) return none();
  if (value == "*") return any();
  return {Kind::value, std::string(value), quoted};
}

}  // namespace iothub::hub
