#include "bench/mqtt_client.h"

#include <stdexcept>

namespace iothub::bench {
namespace {

constexpr std::uint16_t kKeepAliveSeconds = 240;

void append_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

void append_text(std::string& out, std::string_view text) {
  append_u16(out, text.size());
  out += text;
}

void append_header(std::string& out, std::uint8_t first_byte, std::size_t length) {
  out += static_cast<char>(first_byte);
  do {
    const bool more = length > 127;
    out += static_cast<char>((length & 127) | (more ? 128 : 0));
    length >>= 7;
  } while (length > 0);
}

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes.at(at));
}

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

}  // namespace

MqttClient::MqttClient(EventLoop& loop, Endpoint endpoint, std::function<Credentials()> credentials)
    : Connection(loop, std::move(endpoint)), credentials_(std::move(credentials)) {}

void MqttClient::subscribe(std::string_view filter) {
  packet_.clear();
  append_header(packet_, 0x82, 2 + 2 + filter.size() + 1);
  append_u16(packet_, 1);
  append_text(packet_, filter);
  packet_ += '\1';  // QoS 1
  send(packet_);
}

std::uint16_t MqttClient::publish(std::string_view topic, std::string_view payload) {
  if (++last_packet_id_ == 0) ++last_packet_id_;
  packet_.clear();
  append_header(packet_, 0x32, 2 + topic.size() + 2 + payload.size());
  append_text(packet_, topic);
  append_u16(packet_, last_packet_id_);
  packet_ += payload;
  send(packet_);
  return last_packet_id_;
}

void MqttClient::disconnect() {
  send(std::string_view("\xE0\0", 2));
  close();
}

void MqttClient::opened() {
  incoming_.clear();
  const Credentials credentials = credentials_();
  std::string body;
  append_text(body, "MQTT");
  body += '\4';                                           // MQTT 3.1.1
  body += credentials.user_name.empty() ? '\2' : '\xC2';  // clean session, user name and password
  append_u16(body, kKeepAliveSeconds);
  append_text(body, credentials.client_id);
  if (!credentials.user_name.empty()) {
    append_text(body, credentials.user_name);
    append_text(body, credentials.password);
  }
  packet_.clear();
  append_header(packet_, 0x10, body.size());
  packet_ += body;
  send(packet_);
}

void MqttClient::received(std::string_view bytes) {
  if (incoming_.empty()) {
    const std::size_t taken = take_packets(bytes);
    incoming_ = bytes.substr(taken);
    return;
  }
  incoming_ += bytes;
  incoming_.erase(0, take_packets(incoming_));
}

std::size_t MqttClient::take_packets(std::string_view bytes) {
  std::size_t taken = 0;
  // A connection that was closed by one packet has no use for the next.
  while (is_open()) {
    const std::string_view rest = bytes.substr(taken);
    std::size_t length = 0;
    std::size_t header = 1;
    do {
      if (header >= rest.size()) return taken;
      length |= static_cast<std::size_t>(byte_at(rest, header) & 127) << 7 * (header - 1);
    } while ((byte_at(rest, header++) & 128) != 0);
    if (rest.size() < header + length) return taken;
    take_packet(byte_at(rest, 0), rest.substr(header, length));
    taken += header + length;
  }
  return bytes.size();
}

void MqttClient::take_packet(std::uint8_t first_byte, std::string_view body) {
  switch (first_byte >> 4) {
    case 2:
      if (byte_at(body, 1) != 0) {
        fail("CONNACK " + std::to_string(byte_at(body, 1)));
      } else if (on_connected) {
        on_connected();
      }
      return;
    case 3: {
      if (on_publish) on_publish(body.substr(2, u16_at(body, 0)));
      if ((first_byte & 0x06) == 0 || !is_open()) return;
      std::string puback = "\x40\x02";
      append_u16(puback, u16_at(body, 2 + std::size_t{u16_at(body, 0)}));
      queue(puback);
      return;
    }
    case 4:
      if (on_puback) on_puback(u16_at(body, 0));
      return;
    case 9:
      if (byte_at(body, 2) > 2) {
        fail("SUBACK " + std::to_string(byte_at(body, 2)));
      } else if (on_subscribed) {
        on_subscribed();
      }
      return;
    default:
      fail("an unexpected packet of type " + std::to_string(first_byte >> 4));
  }
}

void MqttClient::lost(const std::string& reason) {
  if (!on_lost) throw std::runtime_error("connection lost: " + reason);
  on_lost(reason);
}

}  // namespace iothub::bench
