#include "protocol/amqp/message.h"

#include <utility>

namespace iothub::amqp {
namespace {

constexpr std::uint64_t kHeader = 0x70;
constexpr std::uint64_t kDeliveryAnnotations = 0x71;
constexpr std::uint64_t kAnnotations = 0x72;
constexpr std::uint64_t kProperties = 0x73;
constexpr std::uint64_t kApplicationProperties = 0x74;
constexpr std::uint64_t kData = 0x75;
constexpr std::uint64_t kSequence = 0x76;
constexpr std::uint64_t kValue = 0x77;
constexpr std::uint64_t kFooter = 0x78;

bool take_map(Value& body, Map& into) {
  if (body.is_null()) return true;
  auto* map = std::get_if<Map>(&body);
  if (map == nullptr) return false;
  into = std::move(*map);
  return true;
}

bool take_properties(Value& body, Message& message) {
  auto* list = std::get_if<List>(&body);
  if (list == nullptr) return false;
  list->items.resize(13);
  auto& fields = list->items;
  const auto text = [&fields](std::size_t i) { return text_of(fields[i]); };
  const auto time = [&fields](std::size_t i) -> std::optional<Time> {
    const auto* at = std::get_if<Time>(&fields[i]);
    return at == nullptr ? std::nullopt : std::optional<Time>(*at);
  };
  message.user_id = text(1);
  message.to = text(2);
  message.subject = text(3);
  message.reply_to = text(4);
  message.content_type = text(6);
  message.content_encoding = text(7);
  message.absolute_expiry_time = time(8);
  message.creation_time = time(9);
  message.message_id = std::move(fields[0]);
  message.correlation_id = std::move(fields[5]);
  return true;
}

bool take_section(std::uint64_t section, Value& body, Message& message) {
  switch (section) {
    case kHeader:
    case kFooter:
      return true;
    case kDeliveryAnnotations:
      return take_map(body, message.delivery_annotations);
    case kAnnotations:
      return take_map(body, message.annotations);
    case kProperties:
      return take_properties(body, message);
    case kApplicationProperties:
      return take_map(body, message.application_properties);
    case kData: {
      auto* data = std::get_if<Binary>(&body);
      if (data == nullptr) return false;
      message.data.push_back(std::move(data->bytes));
      return true;
    }
    case kValue:
      message.value = std::move(body);
      return true;
    case kSequence:
    default:
      return false;
  }
}

void put_section(std::string& out, std::uint64_t section) {
  out += '\0';
  out += '\x53';
  out += static_cast<char>(section);
}

void put_map(std::string& out, std::uint64_t section, const Map& map) {
  if (map.empty()) return;
  put_section(out, section);
  encode(Value(map), out);
}

Value string_or_null(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value();
}
Value symbol_or_null(const std::optional<std::string>& text) {
  return text ? Value(Symbol{*text}) : Value();
}
Value time_or_null(const std::optional<Time>& time) {
  return time ? Value(*time) : Value();
}

bool begins_as_message(std::string_view bytes) {
  return bytes.size() > 3 && bytes[0] == '\0' && bytes[1] == '\x53' && bytes[2] >= '\x70' && bytes[2] <= '\x78';
}

}  // namespace

std::string Message::body() const {
  std::string bytes;
  for (const std::string& section : data) bytes += section;
  if (data.empty() && value) bytes = text_of(*value).value_or("");
  return bytes;
}

std::optional<Message> parse_message(std::string_view bytes) {
  Message message;
  while (!bytes.empty()) {
    std::optional<Value> section = decode(bytes);
    if (!section) return std::nullopt;
    auto* described = std::get_if<Described>(&*section);
    if (described == nullptr) return std::nullopt;
    const auto* descriptor = std::get_if<std::uint64_t>(described->parts.data());
    if (descriptor == nullptr || !take_section(*descriptor, described->parts[1], message)) return std::nullopt;
  }
  return message;
}

std::string encode(const Message& message) {
  std::string out;
  put_map(out, kDeliveryAnnotations, message.delivery_annotations);
  put_map(out, kAnnotations, message.annotations);
  List properties;
  properties.items = {message.message_id,
                      message.user_id ? Value(Binary{*message.user_id}) : Value(),
                      string_or_null(message.to),
                      string_or_null(message.subject),
                      string_or_null(message.reply_to),
                      message.correlation_id,
                      symbol_or_null(message.content_type),
                      symbol_or_null(message.content_encoding),
                      time_or_null(message.absolute_expiry_time),
                      time_or_null(message.creation_time)};
  while (!properties.items.empty() && properties.items.back().is_null()) properties.items.pop_back();
  if (!properties.items.empty()) {
    put_section(out, kProperties);
    encode(Value(std::move(properties)), out);
  }
  put_map(out, kApplicationProperties, message.application_properties);
  for (const std::string& data : message.data) {
    put_section(out, kData);
    encode(Value(Binary{data}), out);
  }
  if (message.value) {
    put_section(out, kValue);
    encode(*message.value, out);
  }
  return out;
}

std::optional<std::vector<Message>> parse_batch(const Message& message) {
  if (message.data.empty()) return std::nullopt;
  if (message.data.size() == 1 && !begins_as_message(message.data.front())) return std::nullopt;
  std::vector<Message> batch;
  for (const std::string& data : message.data) {
    std::optional<Message> part = begins_as_message(data) ? parse_message(data) : std::nullopt;
    if (!part) return std::nullopt;
    batch.push_back(std::move(*part));
  }
  return batch;
}

}  // namespace iothub::amqp
