#include "emulator/heads/mqtt/wire_packets.h"

#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "protocol/bytes/byte_reader.h"
#include "protocol/mqtt/decode.h"
#include "protocol/mqtt/frame.h"

namespace iothub::heads::mqtt_head {
namespace {

using hub::Json;

std::string_view meaning_of(std::uint8_t return_code) {
  switch (return_code) {
    case 0:
      return "accepted";
    case 1:
      return "unacceptable protocol version";
    case 2:
      return "identifier rejected";
    case 3:
      return "server unavailable";
    case 4:
      return "bad user name or password";
    case 5:
      return "not authorized";
    default:
      return "unknown";
  }
}

/// Name and fields, by the specification's words.
struct Described {
  bool sent;
  std::size_t size;

  WirePacket make(std::string name, Json fields = Json::object()) const {
    return {sent, std::move(name), size, std::move(fields)};
  }
  WirePacket acknowledgement(std::string name, std::uint16_t packet_id) const {
    return make(std::move(name), {{"packetId", packet_id}});
  }

  WirePacket operator()(const mqtt::Connect& connect) const {
    Json fields{{"protocol", without_secrets(connect.protocol_name)}, {"level", connect.protocol_level}};
    if (connect.protocol_name != "MQTT" || connect.protocol_level != 4) return make("CONNECT", std::move(fields));
    fields["clientId"] = connect.client_id;
    if (connect.user_name) fields["userName"] = without_secrets(*connect.user_name);
    if (connect.password) fields["password"] = "(" + std::to_string(connect.password->size()) + " bytes, cut)";
    fields["cleanSession"] = connect.clean_session;
    fields["keepAlive"] = connect.keep_alive;
    if (connect.will) {
      fields["will"] = {{"topic", without_secrets(connect.will->topic)},
                        {"qos", connect.will->qos},
                        {"retain", connect.will->retain},
                        {"payload", payload_preview(bytes::as_text(connect.will->payload))}};
    }
    return make("CONNECT", std::move(fields));
  }
  WirePacket operator()(const mqtt::Publish& publish) const {
    Json fields{{"topic", without_secrets(publish.topic)}, {"qos", publish.qos}};
    if (publish.qos > 0) fields["packetId"] = publish.packet_id;
    if (publish.duplicate) fields["dup"] = true;
    if (publish.retain) fields["retain"] = true;
    fields["payload"] = payload_preview(bytes::as_text(publish.payload));
    return make("PUBLISH", std::move(fields));
  }
  WirePacket operator()(const mqtt::Puback& puback) const { return acknowledgement("PUBACK", puback.packet_id); }
  WirePacket operator()(const mqtt::Pubrec& pubrec) const { return acknowledgement("PUBREC", pubrec.packet_id); }
  WirePacket operator()(const mqtt::Pubrel& pubrel) const { return acknowledgement("PUBREL", pubrel.packet_id); }
  WirePacket operator()(const mqtt::Pubcomp& pubcomp) const { return acknowledgement("PUBCOMP", pubcomp.packet_id); }
  WirePacket operator()(const mqtt::Subscribe& subscribe) const {
    Json filters = Json::array();
    for (const auto& [filter, qos] : subscribe.filters) filters.push_back({{"filter", filter}, {"qos", qos}});
    return make("SUBSCRIBE", {{"packetId", subscribe.packet_id}, {"filters", std::move(filters)}});
  }
  WirePacket operator()(const mqtt::Unsubscribe& unsubscribe) const {
    return make("UNSUBSCRIBE", {{"packetId", unsubscribe.packet_id}, {"filters", unsubscribe.filters}});
  }
  WirePacket operator()(const mqtt::Pingreq&) const { return make("PINGREQ"); }
  WirePacket operator()(const mqtt::Disconnect&) const { return make("DISCONNECT"); }

  WirePacket operator()(const mqtt::Connack& connack) const {
    return make("CONNACK", {{"returnCode", connack.return_code},
                            {"meaning", meaning_of(connack.return_code)},
                            {"sessionPresent", connack.session_present}});
  }
  WirePacket operator()(const mqtt::Suback& suback) const {
    Json codes = Json::array();
    for (const std::byte code : suback.return_codes) codes.push_back(std::to_integer<int>(code));
    return make("SUBACK", {{"packetId", suback.packet_id}, {"returnCodes", std::move(codes)}});
  }
  WirePacket operator()(const mqtt::Unsuback& unsuback) const {
    return acknowledgement("UNSUBACK", unsuback.packet_id);
  }
  WirePacket operator()(const mqtt::Pingresp&) const { return make("PINGRESP"); }
};

}  // namespace

WirePacket received_packet(const mqtt::ClientPacket& packet, std::size_t size) {
  return std::visit(Described{false, size}, packet);
}

WirePacket malformed_packet(std::string_view reason, std::size_t size) {
  return {false, "malformed", size, {{"reason", reason}}};
}

void tell_sent_packets(std::span<const std::byte> bytes, WireTap& tap) {
  while (!bytes.empty()) {
    const mqtt::Frame frame = mqtt::next_frame(bytes, std::numeric_limits<std::size_t>::max());
    if (frame.status != mqtt::FrameStatus::whole) return;  // sessions queue whole packets
    if (const mqtt::DecodedOfServer packet = mqtt::decode_server(frame.packet); packet) {
      tap.packet(std::visit(Described{true, frame.packet.size()}, *packet));
    }
    bytes = bytes.subspan(frame.packet.size());
  }
}

}  // namespace iothub::heads::mqtt_head
