#pragma once
/// What a mistyped name was probably meant to be.
#include <span>
#include <string_view>

namespace iothub::text {

/// The known name that takes the fewest single-character edits (Levenshtein distance) to reach; the first of equals.
/// `known` must not be empty.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace iothub::text
