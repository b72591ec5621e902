#include "emulator/heads/amqp/c2d_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "emulator/heads/amqp/link_address.h"
#include "emulator/heads/amqp/message_values.h"

namespace iothub::heads::amqp_head {
namespace {

constexpr std::string_view kAck = "iothub-ack";
constexpr std::string_view kHex = "0123456789abcdef";

/// Which byte of a Guid in .NET's order each byte of its text is.
constexpr std::array<std::size_t, 16> kGuidOrder{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

unsigned digit_of(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

}  // namespace

hub::Result<AddressedC2d> addressed_c2d(const amqp::Message& message) {
  const LinkAddress to = parse_link_address(message.to.value_or(""));
  if (to.kind != LinkAddress::Kind::c2d) {
    return hub::HubError{hub::ErrorCode::InvalidOperation,
                         "Amqp Message.Properties.To must contain the device identifier",
                         "the message is to '" + message.to.value_or("") + "'",
                         {}};
  }
  AddressedC2d addressed;
  addressed.to = to.identity;
  hub::C2dMessage& c2d = addressed.message;
  c2d.message_id = amqp::text_of(message.message_id).value_or("");
  c2d.correlation_id = amqp::text_of(message.correlation_id).value_or("");
  c2d.user_id = message.user_id.value_or("");
  c2d.to = message.to.value_or("");
  c2d.content_type = message.content_type.value_or("");
  c2d.content_encoding = message.content_encoding.value_or("");
  if (message.absolute_expiry_time) c2d.expiry = timestamp_of(*message.absolute_expiry_time).value_or(Timestamp{});
  const std::vector<amqp::Value>& flat = message.application_properties.flat;
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
    std::string name = amqp::text_of(flat[i]).value_or("");
    std::string value = property_text(flat[i + 1]);
    if (name == kAck) {
      const std::optional<hub::C2dMessage::Ack> ack = hub::ack_of(value);
      if (!ack) return hub::argument_invalid("BadRequest", "iothub-ack is '" + value + "'");
      c2d.ack = *ack;
    } else {
      c2d.properties.emplace_back(std::move(name), std::move(value));
    }
  }
  c2d.body = message.body();
  return addressed;
}

std::string encode_c2d(const hub::C2dMessage& c2d) {
  constexpr int kMostCounted = 255;
  amqp::Message message;
  const auto put = [](std::optional<std::string>& field, const std::string& text) {
    if (!text.empty()) field = text;
  };
  if (!c2d.message_id.empty()) message.message_id = c2d.message_id;
  if (!c2d.correlation_id.empty()) message.correlation_id = c2d.correlation_id;
  put(message.user_id, c2d.user_id);
  put(message.to, c2d.to);
  put(message.content_type, c2d.content_type);
  put(message.content_encoding, c2d.content_encoding);
  if (c2d.expiry) message.absolute_expiry_time = amqp::Time{c2d.expiry->unix_milliseconds()};
  amqp::add_symbol(message.annotations, "x-opt-sequence-number", static_cast<std::uint64_t>(c2d.sequence_number));
  amqp::add_symbol(message.annotations, "x-opt-lock-token", c2d.lock_token);
  amqp::add_symbol(message.annotations, "iothub-enqueuedtime", amqp::Time{c2d.enqueued_time.unix_milliseconds()});
  amqp::add_symbol(message.annotations, "iothub-deliverycount",
                   static_cast<std::uint8_t>(std::min(c2d.delivery_count, kMostCounted)));
  if (c2d.ack != hub::C2dMessage::Ack::none)
    amqp::add_string(message.application_properties, kAck, std::string(to_string(c2d.ack)));
  for (const auto& [name, value] : c2d.properties) amqp::add_string(message.application_properties, name, value);
  message.data.push_back(c2d.body);
  return amqp::encode(message);
}

std::string encode_feedback(const hub::FeedbackBatch& batch, std::string_view hub_name) {
  amqp::Message message;
  message.user_id = std::string(hub_name);
  message.content_type = "application/vnd.microsoft.iothub.feedback.json";
  amqp::add_symbol(message.annotations, "iothub-enqueuedtime", amqp::Time{batch.enqueued_time.unix_milliseconds()});
  message.data.push_back(batch.body);
  return amqp::encode(message);
}

std::string delivery_tag(std::string_view lock_token) {
  std::array<char, 16> bytes{};
  std::size_t digits = 0;
  for (const char c : lock_token) {
    if (c == '-' || digits == 32) continue;
    char& byte = bytes[kGuidOrder[digits / 2]];
    byte = static_cast<char>((static_cast<unsigned char>(byte) << 4U) | digit_of(c));
    ++digits;
  }
  return {bytes.data(), bytes.size()};
}

std::optional<std::string> lock_token_of(std::string_view delivery_tag) {
  if (delivery_tag.size() != 16) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(delivery_tag[kGuidOrder[i]]);
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

}  // namespace iothub::heads::amqp_head
