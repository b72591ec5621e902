#pragma once
/// FNV-1a, 64 bits: the same number for the same text on every machine and in every version.
#include <cstdint>
#include <string_view>

namespace iothub::text {

constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace iothub::text
