#pragma once
/// Percent encoding as URIs, SAS tokens and MQTT property bags use it (RFC 3986 section 2.1).
#include <optional>
#include <string>
#include <string_view>

namespace iothub::text {

/// Decodes %XX; `+` stays a plus. nullopt where a percent sign is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

/// Encodes everything outside RFC 3986's unreserved set (ALPHA DIGIT - . _ ~), upper-case hex.
std::string percent_encode(std::string_view text);

}  // namespace iothub::text
