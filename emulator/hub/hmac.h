#pragma once
/// Signatures under a shared key, and how secrets are compared.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace iothub::hub {

/// HMAC-SHA256 (RFC 2104). Throws std::runtime_error when OpenSSL has none.
std::array<std::byte, 32> hmac_sha256(std::span<const std::byte> key, std::string_view message);

/// Takes the same time wherever the first difference is; different lengths are told at once.
bool equal_secrets(std::span<const std::byte> a, std::span<const std::byte> b);
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace iothub::hub
