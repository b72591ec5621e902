#include "protocol/mqtt/decode.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include "protocol/bytes/byte_reader.h"
#include "protocol/mqtt/utf8.h"

namespace iothub::mqtt {
namespace {

using bytes::ByteReader;

DecodeError malformed(std::string reason) {
  return {std::move(reason)};
}

/// A length-prefixed text; the reader fails where it is not one.
struct Text {
  std::string_view value;
  bool valid = true;
};
Text read_text(ByteReader& reader) {
  const std::string_view value = bytes::as_text(reader.take(reader.u16()));
  return {value, is_mqtt_text(value)};
}

bool valid_topic(std::string_view topic) {
  return !topic.empty() && topic.find_first_of("+#") == std::string_view::npos;
}

/// `+` stands alone in its level, `#` alone in the last one.
bool valid_filter(std::string_view filter) {
  if (filter.empty()) return false;
  while (true) {
    const std::size_t slash = filter.find('/');
    const std::string_view level = filter.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    if (level.find('+') != std::string_view::npos && level != "+") return false;
    if (level.find('#') != std::string_view::npos && (level != "#" || !last)) return false;
    if (last) return true;
    filter.remove_prefix(slash + 1);
  }
}

Decoded decode_connect(ByteReader& reader) {
  Connect connect;
  const Text name = read_text(reader);
  connect.protocol_name = name.value;
  connect.protocol_level = reader.u8();
  if (!reader.ok() || !name.valid) return malformed("CONNECT without a protocol name and level (3.1.2.1)");
  if (connect.protocol_name != "MQTT" || connect.protocol_level != 4) return connect;

  const std::uint8_t flags = reader.u8();
  connect.keep_alive = reader.u16();
  connect.clean_session = (flags & 0x02) != 0;
  const bool has_will = (flags & 0x04) != 0;
  const int will_qos = (flags >> 3) & 0x03;
  const bool will_retain = (flags & 0x20) != 0;
  const bool has_password = (flags & 0x40) != 0;
  const bool has_user_name = (flags & 0x80) != 0;
  if ((flags & 0x01) != 0) return malformed("CONNECT with the reserved flag set (3.1.2.3)");
  if (!has_will && (will_qos != 0 || will_retain)) return malformed("CONNECT with will flags but no will (3.1.2.6)");
  if (will_qos == 3) return malformed("CONNECT with will QoS 3 (3.1.2.6)");
  if (has_password && !has_user_name) return malformed("CONNECT with a password but no user name (3.1.2.9)");

  const Text client_id = read_text(reader);
  connect.client_id = client_id.value;
  bool texts_valid = client_id.valid;
  if (has_will) {
    const Text topic = read_text(reader);
    texts_valid &= topic.valid;
    connect.will = Will{topic.value, reader.take(reader.u16()), will_qos, will_retain};
  }
  if (has_user_name) {
    const Text user_name = read_text(reader);
    texts_valid &= user_name.valid;
    connect.user_name = user_name.value;
  }
  if (has_password) connect.password = reader.take(reader.u16());
  if (!reader.ok()) return malformed("CONNECT that ends too early");
  if (!texts_valid) return malformed("CONNECT with a text that is not MQTT's UTF-8 (1.5.3)");
  if (connect.will && !valid_topic(connect.will->topic))
    return malformed("CONNECT with a will topic that is empty or has wildcards (4.7.1)");
  if (reader.remaining() != 0) return malformed("CONNECT with bytes left over");
  return connect;
}

template <typename Packet>
boost::system::result<Packet, DecodeError> decode_publish(ByteReader& reader, std::uint8_t flags) {
  Publish publish;
  publish.duplicate = (flags & 0x08) != 0;
  publish.qos = (flags >> 1) & 0x03;
  publish.retain = (flags & 0x01) != 0;
  if (publish.qos == 3) return malformed("PUBLISH with QoS 3 (3.3.1.2)");
  if (publish.duplicate && publish.qos == 0) return malformed("PUBLISH with DUP and QoS 0 (3.3.1.1)");
  const Text topic = read_text(reader);
  publish.topic = topic.value;
  if (publish.qos > 0) publish.packet_id = reader.u16();
  if (!reader.ok()) return malformed("PUBLISH that ends too early");
  if (!topic.valid) return malformed("PUBLISH with a topic that is not MQTT's UTF-8 (1.5.3)");
  if (!valid_topic(publish.topic))
    return malformed("PUBLISH with a topic that is empty or has wildcards (4.7, 3.3.2.1)");
  if (publish.qos > 0 && publish.packet_id == 0) return malformed("PUBLISH with packet id 0 (2.3.1)");
  publish.payload = reader.rest();
  return Packet(publish);
}

Decoded decode_subscribe(ByteReader& reader) {
  Subscribe subscribe;
  subscribe.packet_id = reader.u16();
  while (reader.ok() && reader.remaining() > 0) {
    const Text filter = read_text(reader);
    const std::uint8_t qos = reader.u8();
    if (!reader.ok()) break;
    if (!filter.valid || !valid_filter(filter.value)) return malformed("SUBSCRIBE with a wrong topic filter (4.7)");
    if (qos > 2) return malformed("SUBSCRIBE with a wrong QoS byte (3.8.3)");
    subscribe.filters.push_back({filter.value, qos});
  }
  if (!reader.ok()) return malformed("SUBSCRIBE that ends too early");
  if (subscribe.packet_id == 0) return malformed("SUBSCRIBE with packet id 0 (2.3.1)");
  if (subscribe.filters.empty()) return malformed("SUBSCRIBE without a topic filter (3.8.3)");
  return subscribe;
}

Decoded decode_unsubscribe(ByteReader& reader) {
  Unsubscribe unsubscribe;
  unsubscribe.packet_id = reader.u16();
  while (reader.ok() && reader.remaining() > 0) {
    const Text filter = read_text(reader);
    if (!reader.ok()) break;
    if (!filter.valid || !valid_filter(filter.value)) return malformed("UNSUBSCRIBE with a wrong topic filter (4.7)");
    unsubscribe.filters.push_back(filter.value);
  }
  if (!reader.ok()) return malformed("UNSUBSCRIBE that ends too early");
  if (unsubscribe.packet_id == 0) return malformed("UNSUBSCRIBE with packet id 0 (2.3.1)");
  if (unsubscribe.filters.empty()) return malformed("UNSUBSCRIBE without a topic filter (3.10.3)");
  return unsubscribe;
}

template <typename Acknowledgement, typename Packet = ClientPacket>
boost::system::result<Packet, DecodeError> decode_acknowledgement(ByteReader& reader) {
  const Acknowledgement acknowledgement{reader.u16()};
  if (!reader.ok() || reader.remaining() != 0)
    return malformed("an acknowledgement that is not two bytes long (3.4.2)");
  if (acknowledgement.packet_id == 0) return malformed("an acknowledgement of packet id 0 (2.3.1)");
  return Packet(acknowledgement);
}

template <typename Empty>
Decoded decode_empty(ByteReader& reader) {
  if (reader.remaining() != 0) return malformed("PINGREQ or DISCONNECT with a body (3.12, 3.14)");
  return ClientPacket(Empty{});
}

DecodedOfServer decode_connack(ByteReader& reader) {
  Connack connack;
  connack.session_present = (reader.u8() & 0x01) != 0;
  connack.return_code = reader.u8();
  if (!reader.ok()) return malformed("CONNACK that ends too early");
  return ServerPacket(connack);  // MQTT 5's has one byte more
}

DecodedOfServer decode_suback(ByteReader& reader) {
  Suback suback;
  suback.packet_id = reader.u16();
  suback.return_codes = reader.rest();
  if (!reader.ok() || suback.return_codes.empty()) return malformed("SUBACK that ends too early");
  return ServerPacket(suback);
}

/// A packet's first byte and what stands behind its length.
struct Opened {
  int type;
  std::uint8_t flags;
  ByteReader reader;
};
std::optional<Opened> open(std::span<const std::byte> packet) {
  if (packet.empty()) return std::nullopt;
  const auto first = std::to_integer<std::uint8_t>(packet[0]);
  std::size_t header = 1;
  while (header < packet.size() && (std::to_integer<unsigned>(packet[header]) & 0x80U) != 0) ++header;
  if (header >= packet.size()) return std::nullopt;
  return Opened{first >> 4, static_cast<std::uint8_t>(first & 0x0F), ByteReader(packet.subspan(header + 1))};
}

}  // namespace

void throw_exception_from_error(const DecodeError& error, const boost::source_location& where) {
  throw std::logic_error("a malformed packet was taken for a whole one (" + error.reason + ") at " + where.to_string());
}

Decoded decode(std::span<const std::byte> packet) {
  std::optional<Opened> opened = open(packet);
  if (!opened) return malformed("a packet without its remaining length");
  auto& [type, flags, reader] = *opened;

  // Bits 3-0 of the first byte are fixed for every type but PUBLISH (table 2.2).
  const std::uint8_t expected_flags = type == 6 || type == 8 || type == 10 ? 2 : 0;
  if (type != 3 && flags != expected_flags)
    return malformed("packet type " + std::to_string(type) + " with wrong flags (2.2.2)");
  switch (type) {
    case 1:
      return decode_connect(reader);
    case 3:
      return decode_publish<ClientPacket>(reader, flags);
    case 4:
      return decode_acknowledgement<Puback>(reader);
    case 5:
      return decode_acknowledgement<Pubrec>(reader);
    case 6:
      return decode_acknowledgement<Pubrel>(reader);
    case 7:
      return decode_acknowledgement<Pubcomp>(reader);
    case 8:
      return decode_subscribe(reader);
    case 10:
      return decode_unsubscribe(reader);
    case 12:
      return decode_empty<Pingreq>(reader);
    case 14:
      return decode_empty<Disconnect>(reader);
    default:  // 0 and 15 are reserved; CONNACK, SUBACK, UNSUBACK and PINGRESP are the server's (table 2.1)
      return malformed("packet type " + std::to_string(type) + ", which no client sends (2.2.1)");
  }
}

DecodedOfServer decode_server(std::span<const std::byte> packet) {
  std::optional<Opened> opened = open(packet);
  if (!opened) return malformed("a packet without its remaining length");
  auto& [type, flags, reader] = *opened;
  switch (type) {
    case 2:
      return decode_connack(reader);
    case 3:
      return decode_publish<ServerPacket>(reader, flags);
    case 4:
      return decode_acknowledgement<Puback, ServerPacket>(reader);
    case 9:
      return decode_suback(reader);
    case 11:
      return decode_acknowledgement<Unsuback, ServerPacket>(reader);
    case 13:
      return ServerPacket(Pingresp{});
    default:
      return malformed("packet type " + std::to_string(type) + ", which this server does not send");
  }
}

}  // namespace iothub::mqtt
