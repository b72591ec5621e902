#pragma once
/// How much work that goes over many identities does before the hub looks at its sockets again: about a millisecond, so
/// that some of it may be due at once and nothing else waits 10 ms.
#include <cstddef>
#include <cstdint>

namespace iothub::hub {

/// In identities looked at, which take about 12 µs each.
inline constexpr std::int64_t kSliceCost = 80;
/// A twin that is written costs as much as these that are looked at.
inline constexpr std::int64_t kWriteCost = 5;
/// A slice of big twins ends after this much parsed JSON text.
inline constexpr std::size_t kSliceBytes = std::size_t{32} * 1024;

}  // namespace iothub::hub
