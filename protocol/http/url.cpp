#include "protocol/http/url.h"

#include <algorithm>

#include "protocol/text/ascii.h"
#include "protocol/text/percent.h"
#include "protocol/text/utf8.h"

namespace iothub::http {
namespace {

/// Cuts everything before the first `mark` off `rest`, and the mark itself.
std::string_view take_until(std::string_view& rest, char mark) {
  const std::size_t end = std::min(rest.find(mark), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

std::optional<std::string> decode(std::string_view encoded) {
  std::optional<std::string> decoded = text::percent_decode(encoded);
  return decoded && text::is_utf8(*decoded) ? std::move(decoded) : std::nullopt;
}

std::optional<std::string> decode_parameter(std::string_view encoded) {
  std::string spaced(encoded);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return decode(spaced);
}

/// Cuts `https://host:port` off the front of an absolute-form target.
std::string_view take_authority(std::string_view& target) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text::equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::string_view authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(authority.size());
    return authority;
  }
  return {};
}

}  // namespace

const std::string* Target::parameter(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& parameter) {
    return text::equals_ignoring_case(parameter.first, name);
  });
  return found == query.end() ? nullptr : &found->second;
}

std::string Target::path() const {
  std::string path;
  for (const std::string& segment : segments) path += "/" + segment;
  return path.empty() ? "/" : path;
}

std::optional<Target> parse_target(std::string_view target) {
  Target parsed;
  parsed.authority = take_authority(target);
  target = target.substr(0, target.find('#'));  // no client sends a fragment; it would be none of the path's
  std::string_view path = take_until(target, '?');
  std::string_view query = target;
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  } else if (parsed.authority.empty() || !path.empty()) {
    return std::nullopt;
  }

  while (!path.empty()) {
    std::optional<std::string> segment = decode(take_until(path, '/'));
    if (!segment) return std::nullopt;
    parsed.segments.push_back(std::move(*segment));
  }
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    const std::string_view name = take_until(value, '=');
    if (name.empty()) continue;
    std::optional<std::string> decoded_name = decode_parameter(name);
    std::optional<std::string> decoded_value = decode_parameter(value);
    if (!decoded_name || !decoded_value) return std::nullopt;
    parsed.query.emplace_back(std::move(*decoded_name), std::move(*decoded_value));
  }
  return parsed;
}

}  // namespace iothub::http
