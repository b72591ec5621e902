#include "protocol/mqtt/encode.h"

#include <cassert>

#include "protocol/bytes/byte_writer.h"

namespace iothub::mqtt {
namespace {

using bytes::ByteWriter;

void header(ByteWriter& writer, std::uint8_t first, std::size_t length) {
  assert(length < (std::size_t{1} << 28));
  writer.u8(first);
  do {
    const auto low = static_cast<std::uint8_t>(length & 0x7F);
    length >>= 7;
    writer.u8(length > 0 ? static_cast<std::uint8_t>(low | 0x80) : low);
  } while (length > 0);
}

void acknowledgement(std::string& out, std::uint8_t first, std::uint16_t packet_id) {
  ByteWriter writer(out);
  header(writer, first, 2);
  writer.u16(packet_id);
}

}  // namespace

void encode_connack(std::string& out, bool session_present, std::uint8_t return_code) {
  ByteWriter writer(out);
  header(writer, 0x20, 2);
  writer.u8(session_present ? 1 : 0);
  writer.u8(return_code);
}

void encode_connack_v5_unsupported(std::string& out) {
  ByteWriter writer(out);
  header(writer, 0x20, 3);
  writer.u8(0);     // no session
  writer.u8(0x84);  // unsupported protocol version
  writer.u8(0);     // no properties
}

void encode_publish(std::string& out, const OutgoingPublish& publish) {
  assert(publish.topic.size() <= 0xFFFF);
  ByteWriter writer(out);
  const std::uint8_t first = static_cast<std::uint8_t>(0x30 | (publish.duplicate ? 0x08 : 0) | (publish.qos << 1));
  header(writer, first, 2 + publish.topic.size() + (publish.qos > 0 ? 2 : 0) + publish.payload.size());
  writer.u16(static_cast<std::uint16_t>(publish.topic.size()));
  writer.text(publish.topic);
  if (publish.qos > 0) writer.u16(publish.packet_id);
  writer.text(publish.payload);
}

void encode_puback(std::string& out, std::uint16_t packet_id) {
  acknowledgement(out, 0x40, packet_id);
}

void encode_suback(std::string& out, std::uint16_t packet_id, std::span<const std::uint8_t> return_codes) {
  ByteWriter writer(out);
  header(writer, 0x90, 2 + return_codes.size());
  writer.u16(packet_id);
  for (const std::uint8_t code : return_codes) writer.u8(code);
}

void encode_unsuback(std::string& out, std::uint16_t packet_id) {
  acknowledgement(out, 0xB0, packet_id);
}

void encode_pingresp(std::string& out) {
  ByteWriter writer(out);
  header(writer, 0xD0, 0);
}

}  // namespace iothub::mqtt
