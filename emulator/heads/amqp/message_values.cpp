#include "emulator/heads/amqp/message_values.h"

#include <charconv>

namespace iothub::heads::amqp_head {
namespace {

constexpr std::int64_t kFirstMillisecond = -62'135'596'800'000;  // 0001-01-01
constexpr std::int64_t kLastMillisecond = 253'402'300'799'999;   // 9999-12-31

template <typename Number>
std::string shortest(Number number) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  return {digits, end};
}

}  // namespace

std::string property_text(const amqp::Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<float>(&value)) return shortest(*number);
  if (const auto* number = std::get_if<double>(&value)) return shortest(*number);
  if (const auto* time = std::get_if<amqp::Time>(&value)) {
    const std::optional<Timestamp> at = timestamp_of(*time);
    return at ? text::iso_time(*at) : std::string{};
  }
  return amqp::text_of(value).value_or("");
}

std::optional<Timestamp> timestamp_of(amqp::Time time) {
  if (time.unix_milliseconds < kFirstMillisecond || time.unix_milliseconds > kLastMillisecond) return std::nullopt;
  return Timestamp::from_unix_milliseconds(time.unix_milliseconds);
}

}  // namespace iothub::heads::amqp_head
