#pragma once
/// JSON with the order of its members kept: the C# SDK depends on it (AuthenticationMechanism's setters).
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "emulator/hub/errors.h"

namespace iothub::hub {

using Json = nlohmann::ordered_json;

/// Parses a body. Refuses what is not JSON, nests deeper than kMaxJsonDepth, or names a member twice.
Result<Json> parse_json(std::string_view text);

/// Compact text, UTF-8 as it came.
std::string dump(const Json& value);

}  // namespace iothub::hub
