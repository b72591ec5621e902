#pragma once
/// JSON with the order of its members kept: the C# SDK depends on it (AuthenticationMechanism's setters).
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/hub/errors.h"

namespace iothub::hub {

using Json = nlohmann::ordered_json;

/// Parses a body. Refuses what is not JSON, nests deeper than kMaxJsonDepth, or names a member twice.
Result<Json> parse_json(std::string_view text);

/// Compact text, UTF-8 as it came.
std::string dump(const Json& value);

/// A member of an object; null when it is not there or is JSON's null.
const Json* member(const Json& object, const char* name);
/// The text of such a member; `otherwise` where there is none or it is no string.
std::string text_member(const Json& object, const char* name, std::string otherwise = {});

/// `[["name","value"],..]` in their order, as rows keep a message's properties; empty for none. Throws Json::type_error
/// for what is not UTF-8.
std::string pairs_text(std::span<const std::pair<std::string, std::string>> pairs);

}  // namespace iothub::hub
