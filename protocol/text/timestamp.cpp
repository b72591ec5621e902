#include "protocol/text/timestamp.h"

#include <chrono>
#include <cstdio>

#include "protocol/text/ascii.h"

namespace iothub::text {
namespace {

struct Civil {
  int year, month, day, hour, minute, second, fraction;
};

constexpr std::int64_t kTicksPerDay = 86'400 * Timestamp::kPerSecond;
constexpr std::int64_t kLastTick = 3'652'059 * kTicksPerDay - 1;  ///< of the year 9999, .NET's DateTime.MaxValue
constexpr int kMaxOffsetMinutes = 14 * 60;                        ///< .NET's DateTimeOffset
constexpr int kDaysToUnixEpoch = static_cast<int>(Timestamp::kUnixEpoch / kTicksPerDay);

Civil civil(Timestamp time) {
  const auto days = static_cast<int>(time.ticks / kTicksPerDay);
  const std::int64_t in_day = time.ticks % kTicksPerDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days - kDaysToUnixEpoch))};
  const auto second = static_cast<int>(in_day / Timestamp::kPerSecond);
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          second / 3600,
          second / 60 % 60,
          second % 60,
          static_cast<int>(in_day % Timestamp::kPerSecond)};
}

/// Reads `digits` decimal digits at the front of `text` and drops them.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || lower(text.front()) != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string iso_time_without_zone(Timestamp time) {
  const Civil c = civil(time);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
                c.second);
  std::string out = buffer;
  if (c.fraction != 0) {
    std::snprintf(buffer, sizeof buffer, ".%07d", c.fraction);
    out += buffer;
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out;
}

std::string iso_time(Timestamp time) {
  return iso_time_without_zone(time) + 'Z';
}

std::string us_time(Timestamp time) {
  const Civil c = civil(time);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%02d/%02d/%04d %02d:%02d:%02d", c.month, c.day, c.year, c.hour, c.minute,
                c.second);
  return buffer;
}

std::optional<Timestamp> parse_iso_time(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || *year < 1 || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, 't')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;

  std::int64_t fraction = 0;
  if (take(text, '.')) {
    std::size_t digits = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits) {
      if (digits < 7) fraction = fraction * 10 + (text[digits] - '0');
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    for (std::size_t i = digits; i < 7; ++i) fraction *= 10;
    text.remove_prefix(digits);
  }

  std::int64_t offset_minutes = 0;
  if (!text.empty() && !take(text, 'z')) {
    const int sign = text.front() == '+' ? 1 : text.front() == '-' ? -1 : 0;
    if (sign == 0) return std::nullopt;
    text.remove_prefix(1);
    const auto offset_hour = take_number(text, 2);
    take(text, ':');
    const auto offset_minute = take_number(text, 2);
    if (!offset_hour || !offset_minute || *offset_minute > 59) return std::nullopt;
    offset_minutes = sign * (*offset_hour * 60 + *offset_minute);
    if (offset_minutes > kMaxOffsetMinutes || offset_minutes < -kMaxOffsetMinutes) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;

  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count() + kDaysToUnixEpoch;
  const std::int64_t seconds = (*hour * 60 + *minute - offset_minutes) * 60 + *second;
  const Timestamp time{days * kTicksPerDay + seconds * Timestamp::kPerSecond + fraction};
  if (time.ticks < 0 || time.ticks > kLastTick) return std::nullopt;  // an offset led out of years 1 to 9999
  return time;
}

}  // namespace iothub::text
