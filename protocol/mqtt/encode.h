#pragma once
/// Writes packets as a server sends them; each function appends to `out`.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace iothub::mqtt {

struct OutgoingPublish {
  std::string_view topic;    ///< at most 65535 bytes
  std::string_view payload;  ///< bytes
  int qos = 0;               ///< 0 or 1
  std::uint16_t packet_id = 0;
  bool duplicate = false;
};

void encode_connack(std::string& out, bool session_present, std::uint8_t return_code);
/// `20 03 00 84 00`: MQTT 5's CONNACK "unsupported protocol version", which a version 5 client can read.
void encode_connack_v5_unsupported(std::string& out);
void encode_publish(std::string& out, const OutgoingPublish& publish);
void encode_puback(std::string& out, std::uint16_t packet_id);
void encode_suback(std::string& out, std::uint16_t packet_id, std::span<const std::uint8_t> return_codes);
void encode_unsuback(std::string& out, std::uint16_t packet_id);
void encode_pingresp(std::string& out);

}  // namespace iothub::mqtt
