#pragma once
/// What the query language reads as a name.
#include <string_view>

namespace iothub::hub::query {

bool starts_name(char c);
bool continues_name(char c);

/// SELECT, AND, NULL and their like, in any case.
bool is_reserved(std::string_view word);

/// Whether a path may have the name as it is; any other stands in [[ ]].
bool is_plain_name(std::string_view name);

}  // namespace iothub::hub::query
