#pragma once
/// Points in time as IoT Hub counts and writes them.
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iothub {

/// .NET ticks: 100 ns units since 0001-01-01T00:00:00 UTC. Zero is the hub's "never".
struct Timestamp {
  std::int64_t ticks = 0;

  static constexpr std::int64_t kPerSecond = 10'000'000;
  static constexpr std::int64_t kUnixEpoch = 621'355'968'000'000'000;

  static constexpr Timestamp from_unix_seconds(std::int64_t seconds) { return {kUnixEpoch + seconds * kPerSecond}; }
  static constexpr Timestamp from_unix_milliseconds(std::int64_t ms) { return {kUnixEpoch + ms * (kPerSecond / 1000)}; }
  constexpr std::int64_t unix_seconds() const { return (ticks - kUnixEpoch) / kPerSecond; }
  constexpr std::int64_t unix_milliseconds() const { return (ticks - kUnixEpoch) / (kPerSecond / 1000); }
  constexpr Timestamp plus_seconds(std::int64_t seconds) const { return {ticks + seconds * kPerSecond}; }

  constexpr auto operator<=>(const Timestamp&) const = default;
};

namespace text {

/// `2021-07-07T20:45:24.131397Z`: seven decimals at most, trailing zeros dropped (recorded hub traffic).
std::string iso_time(Timestamp time);

/// As iso_time without the `Z`: how an identity's create answer writes "never" (recorded hub traffic).
std::string iso_time_without_zone(Timestamp time);

/// `11/22/2026 02:33:52`: the form inside the hub's tracking ids.
std::string us_time(Timestamp time);

/// Reads ISO 8601 with 0-9 decimals and `Z`, an offset of at most 14 hours, or nothing (taken as UTC); nullopt
/// otherwise, and where the offset leads out of the years 1 to 9999.
std::optional<Timestamp> parse_iso_time(std::string_view text);

}  // namespace text
}  // namespace iothub
