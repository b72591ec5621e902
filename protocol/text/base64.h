#pragma once
/// Base64 as IoT Hub writes keys, etags and signatures (RFC 4648 section 4: standard alphabet, padded).
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace iothub::text {

std::string base64_encode(std::span<const std::byte> bytes);
std::string base64_encode(std::string_view bytes);

/// Standard alphabet, full padding, nothing around it; anything else is nullopt. Bits below the last byte do not count,
/// as in .NET and Python: keys made by hand often have some.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

/// As base64_decode, as a character string.
std::optional<std::string> base64_decode_text(std::string_view text);

}  // namespace iothub::text
