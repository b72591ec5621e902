#include "emulator/heads/mqtt/user_name.h"

#include <algorithm>

#include "protocol/text/percent.h"

namespace iothub::heads::mqtt_head {
namespace {

/// Takes the text up to the next slash off the front, and the slash.
std::string_view take_segment(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return segment;
}

/// Older tools leave out the question mark.
bool begins_query(std::string_view text) {
  return text.starts_with('?') || text.starts_with("api-version=");
}

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool read_query(std::string_view query, UserName& into) {
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::optional<std::string> value = text::percent_decode(pair.substr(equals + 1));
    if (!value) return false;
    const std::string_view name = pair.substr(0, equals);
    if (name == "api-version") into.api_version = std::move(*value);
    if (name == "model-id") into.model_id = std::move(*value);
    if (name == "DeviceClientType") into.client_type = std::move(*value);
  }
  return is_printable_ascii(into.model_id);
}

}  // namespace

std::optional<UserName> parse_user_name(std::string_view text) {
  UserName name;
  name.host = take_segment(text);
  name.identity.device.value = take_segment(text);
  if (!text.empty() && !begins_query(text)) {
    name.identity.module.value = take_segment(text);
    if (!hub::valid_id(name.identity.module.value)) return std::nullopt;
  }
  if (name.host.empty() || !hub::valid_id(name.identity.device.value)) return std::nullopt;
  if (!text.empty() && !begins_query(text)) return std::nullopt;
  if (!read_query(text, name)) return std::nullopt;
  return name;
}

}  // namespace iothub::heads::mqtt_head
