#pragma once
/// schemas/scenario.schema.json, which is part of the program.
#include <string_view>

namespace iothub::scenario {

std::string_view schema_text();

}  // namespace iothub::scenario
