#include "emulator/heads/amqp/wire_frames.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <variant>

#include "protocol/amqp/message.h"
#include "protocol/text/ascii.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::amqp_head {
namespace {

using amqp::Performative;
using hub::Json;

constexpr std::string_view kCut = "(cut)";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Json json_of(const amqp::Value& value);

Json list_json(const std::vector<amqp::Value>& items) {
  Json list = Json::array();
  for (const amqp::Value& each : items) list.push_back(json_of(each));
  return list;
}

Json map_json(const amqp::Map& map) {
  Json object = Json::object();
  for (std::size_t i = 0; i + 1 < map.flat.size(); i += 2) {
    const std::string name = amqp::text_of(map.flat[i]).value_or("?");
    // The JS Event Hubs client shows its token in each management request.
    object[name] = text::equals_ignoring_case(name, "security_token") ? Json(kCut) : json_of(map.flat[i + 1]);
  }
  return object;
}

/// `{"accepted":{}}`, `{"source":{"address":".."}}`; of an unknown type descriptor and value.
Json described_json(const amqp::Described& described) {
  const amqp::Value& descriptor = described.parts.at(0);
  const amqp::Value& value = described.parts.at(1);
  const auto code = static_cast<std::uint64_t>(amqp::integer_of(descriptor).value_or(0));
  const std::string_view type = amqp::type_name(code);
  const auto* fields = std::get_if<amqp::List>(&value);
  if (type.empty() || fields == nullptr) {
    return {{"descriptor", amqp::text_of(descriptor).value_or("?")}, {"value", json_of(value)}};
  }
  Json object = Json::object();
  for (std::size_t i = 0; i < fields->items.size(); ++i) {
    const std::string_view name = amqp::field_name_of_type(code, i);
    if (!name.empty() && !fields->items[i].is_null()) object[std::string(name)] = json_of(fields->items[i]);
  }
  return {{std::string(type), std::move(object)}};
}

Json json_of(const amqp::Value& value) {
  return std::visit(
      [&](const auto& held) -> Json {
        using Held = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Held, amqp::Time>) {
          return text::iso_time(Timestamp::from_unix_milliseconds(held.unix_milliseconds));
        } else if constexpr (std::is_same_v<Held, amqp::Uuid>) {
          return amqp::text_of(value).value_or("");
        } else if constexpr (std::is_same_v<Held, amqp::Binary>) {
          return payload_preview(held.bytes);
        } else if constexpr (std::is_same_v<Held, std::string>) {
          return without_secrets(held);
        } else if constexpr (std::is_same_v<Held, amqp::Symbol>) {
          return without_secrets(held.text);
        } else if constexpr (std::is_same_v<Held, amqp::List> || std::is_same_v<Held, amqp::Array>) {
          return list_json(held.items);
        } else if constexpr (std::is_same_v<Held, amqp::Map>) {
          return map_json(held);
        } else if constexpr (std::is_same_v<Held, amqp::Described>) {
          return described_json(held);
        } else {
          return held;
        }
      },
      static_cast<const amqp::Value::variant&>(value));
}

/// What proves who the peer is: never told.
bool is_secret(Performative performative, std::string_view field) {
  return (performative == Performative::sasl_init && field == "initial-response") ||
         performative == Performative::sasl_response || performative == Performative::sasl_challenge;
}

Json fields_json(const amqp::Frame& frame) {
  Json fields = Json::object();
  for (std::size_t i = 0; i < frame.fields.items.size(); ++i) {
    const amqp::Value& value = frame.fields.items[i];
    const std::string name(amqp::field_name(*frame.performative, i));
    if (name.empty() || value.is_null()) continue;
    if (is_secret(*frame.performative, name)) {
      fields[name] = kCut;
    } else if (name == "role") {
      const bool* receives = std::get_if<bool>(&value);
      fields[name] = receives != nullptr && *receives ? "receiver" : "sender";
    } else if (const auto* tag = std::get_if<amqp::Binary>(&value); tag != nullptr && name == "delivery-tag") {
      fields[name] = hex_text(tag->bytes);
    } else if (const auto* described = std::get_if<amqp::Described>(&value);
               described != nullptr && (name == "source" || name == "target" || name == "error")) {
      // The field has the type's name already.
      Json inner = described_json(*described);
      const auto own = inner.find(name);
      fields[name] = own == inner.end() ? std::move(inner) : Json(*own);
    } else {
      fields[name] = json_of(value);
    }
  }
  return fields;
}

bool is_token(const amqp::Message& message) {
  return text::lower(amqp::text_at(message.application_properties, "operation")).ends_with("token");
}

Json message_json(const amqp::Message& message) {
  Json json = Json::object();
  const auto add = [&json](const char* name, const std::optional<std::string>& text) {
    if (text) json[name] = without_secrets(*text);
  };
  if (!message.message_id.is_null()) json["message-id"] = json_of(message.message_id);
  add("user-id", message.user_id);
  add("to", message.to);
  add("subject", message.subject);
  add("reply-to", message.reply_to);
  if (!message.correlation_id.is_null()) json["correlation-id"] = json_of(message.correlation_id);
  add("content-type", message.content_type);
  add("content-encoding", message.content_encoding);
  if (!message.annotations.empty()) json["message-annotations"] = map_json(message.annotations);
  if (!message.application_properties.empty()) {
    json["application-properties"] = map_json(message.application_properties);
  }
  if (is_token(message)) {
    json["body"] = kCut;
  } else if (message.value) {
    json["value"] = json_of(*message.value);
  } else {
    json["body"] = payload_preview(message.body());
  }
  return json;
}

const amqp::Value* field_at(const amqp::Frame& frame, std::size_t index) {
  return index < frame.fields.items.size() ? &frame.fields.items[index] : nullptr;
}

std::int64_t integer_at(const amqp::Frame& frame, std::size_t index) {
  const amqp::Value* value = field_at(frame, index);
  return value == nullptr ? 0 : amqp::integer_of(*value).value_or(0);
}

bool truth_at(const amqp::Frame& frame, std::size_t index) {
  const amqp::Value* value = field_at(frame, index);
  const bool* truth = value == nullptr ? nullptr : std::get_if<bool>(value);
  return truth != nullptr && *truth;
}

std::string_view protocol_name(std::uint8_t id) {
  return id == 3 ? "SASL" : id == 2 ? "TLS" : "AMQP";
}

}  // namespace

void WireFrames::received(std::span<const std::byte> bytes, WireTap& tap) {
  partial_ += as_text(bytes);
  std::string_view rest = partial_;
  while (!rest.empty()) {
    const std::optional<std::size_t> size = amqp::frame_size(rest);
    if (!size) {  // in the middle of a frame: the next that comes may begin one
      partial_.clear();
      return;
    }
    if (*size == 0 || rest.size() < *size) break;
    tell(rest.substr(0, *size), from_peer_, tap);
    rest.remove_prefix(*size);
  }
  partial_.erase(0, partial_.size() - rest.size());
}

void WireFrames::sent(std::span<const std::byte> bytes, WireTap& tap) {
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const std::optional<std::size_t> size = amqp::frame_size(rest);
    if (!size || *size == 0 || rest.size() < *size) return;
    tell(rest.substr(0, *size), from_hub_, tap);
    rest.remove_prefix(*size);
  }
}

void WireFrames::tell(std::string_view bytes, Direction& direction, WireTap& tap) {
  const std::optional<amqp::Frame> frame = amqp::read_frame(bytes);
  WirePacket packet{.sent = direction.by_hub, .name = {}, .bytes = bytes.size()};
  if (!frame) {
    packet.name = "malformed";
  } else if (frame->is_header) {
    packet.name = "header";
    packet.fields = {{"protocol", protocol_name(frame->protocol_id)}};
  } else if (!frame->performative) {
    packet.name = "empty";
  } else {
    packet.name = amqp::name_of(*frame->performative);
    const bool is_sasl = *frame->performative >= Performative::sasl_mechanisms;
    if (!is_sasl && *frame->performative != Performative::open && *frame->performative != Performative::close) {
      packet.fields["channel"] = frame->channel;
    }
    add_link(*frame, direction, packet.fields);
    packet.fields.update(fields_json(*frame));
    add_message(*frame, direction, packet.fields);
  }
  tap.packet(packet);
}

/// Keeps which link a handle stands for, and says it.
void WireFrames::add_link(const amqp::Frame& frame, Direction& direction, Json& fields) {
  constexpr std::size_t kFlowHandle = 4;
  switch (*frame.performative) {
    case Performative::attach: {
      // {name, handle, role, .., source (5), target (6)}: the hub's end of the link is what has an address.
      const bool peer_receives = truth_at(frame, 2) != direction.by_hub;
      const amqp::Value* terminus = field_at(frame, peer_receives ? 5 : 6);
      const auto* described = terminus == nullptr ? nullptr : std::get_if<amqp::Described>(terminus);
      const auto* parts = described == nullptr ? nullptr : std::get_if<amqp::List>(&described->parts.at(1));
      std::string address;
      if (parts != nullptr && !parts->items.empty()) address = amqp::text_of(parts->items[0]).value_or("");
      direction.links[{frame.channel, integer_at(frame, 1)}] = without_secrets(address);
      return;
    }
    case Performative::end:
      std::erase_if(direction.links, [&](const auto& link) { return link.first.first == frame.channel; });
      return;
    case Performative::transfer:
    case Performative::detach:
    case Performative::flow: {
      const bool is_flow = *frame.performative == Performative::flow;
      const amqp::Value* handle = field_at(frame, is_flow ? kFlowHandle : 0);
      if (handle == nullptr || handle->is_null()) return;
      const auto found = direction.links.find({frame.channel, amqp::integer_of(*handle).value_or(0)});
      if (found == direction.links.end()) return;
      fields["link"] = found->second;
      if (*frame.performative == Performative::detach) direction.links.erase(found);
      return;
    }
    case Performative::open:
    case Performative::begin:
    case Performative::disposition:
    case Performative::close:
    case Performative::sasl_mechanisms:
    case Performative::sasl_init:
    case Performative::sasl_challenge:
    case Performative::sasl_response:
    case Performative::sasl_outcome:
      return;
  }
}

/// Of a message in several frames only the size is said: a token could lie across them.
void WireFrames::add_message(const amqp::Frame& frame, Direction& direction, Json& fields) {
  if (*frame.performative != Performative::transfer) return;
  const std::pair<std::uint16_t, std::int64_t> link{frame.channel, integer_at(frame, 0)};
  const bool goes_on = direction.unfinished.erase(link) > 0;
  const bool more = truth_at(frame, 5);
  if (more) direction.unfinished.insert(link);
  fields["payload"] = {{"bytes", frame.payload.size()}};
  if (goes_on || more) return;
  if (const std::optional<amqp::Message> message = amqp::parse_message(frame.payload)) {
    fields["message"] = message_json(*message);
  }
}

}  // namespace iothub::heads::amqp_head
