#include "emulator/heads/amqp/method_message.h"

#include <charconv>
#include <limits>

#include "protocol/text/ascii.h"

namespace iothub::heads::amqp_head {
namespace {

constexpr std::string_view kName = "IoThub-methodname";
constexpr std::string_view kStatus = "IoThub-status";
constexpr int kHex = 16;

std::uint8_t byte_of(std::string_view two_digits) {
  std::uint8_t byte = 0;
  std::from_chars(two_digits.data(), two_digits.data() + two_digits.size(), byte, kHex);
  return byte;
}

}  // namespace

MethodCorrelation::MethodCorrelation(std::string_view seed)
    : prefix_(std::string(seed.substr(0, 8)) + "-" + std::string(seed.substr(8, 4)) + "-" +
              std::string(seed.substr(12, 4)) + "-") {}

amqp::Uuid MethodCorrelation::id_of(std::string_view request_id) const {
  std::uint64_t number = 0;
  std::from_chars(request_id.data(), request_id.data() + request_id.size(), number);
  std::string digits;
  for (const char c : prefix_) {
    if (c != '-') digits += c;
  }
  amqp::Uuid uuid;
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[i] = byte_of(std::string_view(digits).substr(2 * i, 2));
    uuid.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return uuid;
}

std::optional<std::string> MethodCorrelation::request_id_of(const amqp::Value& correlation_id) const {
  const std::string text = text::lower(amqp::text_of(correlation_id).value_or(""));
  constexpr std::size_t kLength = 36;
  constexpr std::size_t kDash = 23;
  if (text.size() != kLength || !text.starts_with(prefix_) || text[kDash] != '-') return std::nullopt;
  const std::string digits = text.substr(prefix_.size(), 4) + text.substr(kDash + 1);
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, kHex);
  if (error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
  return std::to_string(number);
}

std::string encode_method_request(const hub::MethodRequest& request, const amqp::Uuid& correlation_id) {
  amqp::Message message;
  message.correlation_id = correlation_id;
  amqp::add_string(message.application_properties, kName, std::string(request.name));
  message.data.emplace_back(request.payload);
  return amqp::encode(message);
}

std::optional<int> method_status(const amqp::Message& answer) {
  const amqp::Value* value = amqp::find(answer.application_properties, kStatus);
  const std::optional<std::int64_t> status = value == nullptr ? std::nullopt : amqp::integer_of(*value);
  if (!status || *status < std::numeric_limits<int>::min() || *status > std::numeric_limits<int>::max())
    return std::nullopt;
  return static_cast<int>(*status);
}

}  // namespace iothub::heads::amqp_head
