#include "emulator/heads/amqp/event_filter.h"

#include <charconv>

namespace iothub::heads::amqp_head {
namespace {

using Kind = hub::EventPosition::Kind;

struct Field {
  std::string_view name;
  Kind kind;
};
constexpr Field kFields[] = {
    {"amqp.annotation.x-opt-offset", Kind::offset},
    {"amqp.annotation.x-opt-sequence-number", Kind::sequence_number},
    {"amqp.annotation.x-opt-enqueued-time", Kind::enqueued_time},
    {"amqp.annotation.x-opt-enqueuedtimeutc", Kind::enqueued_time},  // its older name
};
constexpr std::string_view kSelector = "apache.org:selector-filter:string";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

hub::HubError not_understood(std::string_view selector) {
  return hub::argument_invalid("The filter '" + std::string(selector) + "' is not understood");
}

}  // namespace

hub::Result<hub::EventPosition> parse_event_filter(std::string_view selector) {
  std::string_view rest = trimmed(selector);
  for (const Field& field : kFields) {
    if (!rest.starts_with(field.name)) continue;
    rest = trimmed(rest.substr(field.name.size()));
    if (!rest.starts_with('>')) break;
    rest.remove_prefix(1);
    hub::EventPosition position{field.kind, 0, rest.starts_with('=')};
    if (position.inclusive) rest.remove_prefix(1);
    rest = trimmed(rest);
    if (rest.size() >= 2 && rest.front() == '\'' && rest.back() == '\'') rest = rest.substr(1, rest.size() - 2);
    if (field.kind == Kind::offset && rest == "@latest") return hub::EventPosition{Kind::latest, 0, false};
    if (field.kind == Kind::offset && rest == "-1") return hub::EventPosition{};
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), position.value);
    if (rest.empty() || error != std::errc{} || stop != rest.data() + rest.size()) break;
    return position;
  }
  return not_understood(selector);
}

hub::Result<hub::EventPosition> event_position(const amqp::Map& filter) {
  const amqp::Value* entry = amqp::find(filter, kSelector);
  if (entry == nullptr) return hub::EventPosition{};
  // Azure's clients describe it by the same name; the registered descriptor is 0x0000468C00000004.
  if (const auto* described = std::get_if<amqp::Described>(entry)) entry = &described->parts[1];
  const auto* selector = std::get_if<std::string>(entry);
  if (selector == nullptr) return not_understood("not a string");
  return parse_event_filter(*selector);
}

}  // namespace iothub::heads::amqp_head
