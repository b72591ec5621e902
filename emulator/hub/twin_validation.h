#pragma once
/// What a twin section may hold (documentation: Understand device twins; rest.md 6.4). Refusals are 400004.
#include <cstddef>
#include <string_view>

#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"

namespace iothub::hub {

/// Checks a patch's (or replacement's) keys, strings, numbers, depth and arrays. `section` names it in the refusal.
Result<void> validate_section(const Json& section, std::string_view section_name);

/// Size as the service counts it: keys and strings in UTF-8 bytes without control characters, 8 a number, 4 a boolean.
std::size_t section_size(const Json& section);

/// Refuses a merged section that is larger than its limit.
Result<void> check_section_size(const Json& section, std::string_view section_name, std::size_t limit);

}  // namespace iothub::hub
