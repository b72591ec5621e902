#pragma once
/// Well-formed UTF-8 (RFC 3629): without overlong forms, surrogates, and what is beyond U+10FFFF.
#include <string_view>

namespace iothub::text {

bool is_utf8(std::string_view text);

}  // namespace iothub::text
