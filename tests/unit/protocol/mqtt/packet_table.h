#pragma once
/// Every packet of MQTT 3.1.1 that a client sends, byte by byte, with what it means at the right.
#include <array>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "protocol/bytes/byte_reader.h"
#include "protocol/mqtt/packet.h"
#include "tests/unit/protocol/bytes/hex.h"

namespace iothub::test {

struct PacketRow {
  std::string_view bytes;    ///< as bytes_of() reads them
  std::string_view meaning;  ///< of a valid packet what describe() says; of a malformed one a part of the reason
};

// clang-format off
inline constexpr auto kClientPackets = std::to_array<PacketRow>({
    {"10 0E 00 04 'MQTT' 04 02 00 3C 00 02 'd1'",             "CONNECT clean keep_alive=60 client_id=d1"},
    {"10 18 00 04 'MQTT' 04 C0 00 3C 00 03 'd/m' 00 02 'h/' 00 03 'SAS'",
                                                              "CONNECT keep_alive=60 client_id=d/m user_name=h/ password=[53 41 53]"},
    {"10 13 00 04 'MQTT' 04 80 06 CC 00 01 'd' 00 04 'h/d/'", "CONNECT keep_alive=1740 client_id=d user_name=h/d/"},
    {"10 14 00 04 'MQTT' 04 2E 00 00 00 01 'd' 00 01 't' 00 02 FF 00",
                                                              "CONNECT clean keep_alive=0 client_id=d will=t qos=1 retain payload=[FF 00]"},
    {"10 12 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 01 't' 00 00",
                                                              "CONNECT clean keep_alive=0 client_id=d will=t qos=0 payload=[]"},
    {"10 1C 00 04 'MQTT' 04 D4 FF FF 00 01 'd' 00 01 't' 00 04 'gone' 00 01 'u' 00 01 'p'",
                                                              "CONNECT keep_alive=65535 client_id=d will=t qos=2 payload=[67 6F 6E 65] "
                                                              "user_name=u password=[70]"},
    {"10 10 00 04 'MQTT' 04 C0 00 00 00 00 00 00 00 00",      "CONNECT keep_alive=0 client_id= user_name= password=[]"},
    {"10 0C 00 04 'MQTT' 04 00 00 00 00 00",                  "CONNECT keep_alive=0 client_id="},  // no id and not clean: answered, not malformed
    {"10 0E 00 04 'MQTT' 04 02 00 00 00 02 C3 A4",            "CONNECT clean keep_alive=0 client_id=\xC3\xA4"},
    // Of other protocols name and level alone are read, whatever follows.
    {"10 07 00 04 'MQTT' 05",                                 "CONNECT of MQTT level 5"},
    {"10 10 00 04 'MQTT' 05 02 00 3C 00 00 03 'c05'",         "CONNECT of MQTT level 5"},
    {"10 08 00 04 'MQTT' 03 FF",                              "CONNECT of MQTT level 3"},
    {"10 0F 00 06 'MQIsdp' 03 02 00 3C 00 01 'd'",            "CONNECT of MQIsdp level 3"},
    {"10 07 00 04 'mqtt' 04",                                 "CONNECT of mqtt level 4"},
    {"10 03 00 00 04",                                        "CONNECT of  level 4"},

    {"30 05 00 01 't' 'hi'",                                  "PUBLISH qos=0 topic=t payload=[68 69]"},
    {"30 03 00 01 't'",                                       "PUBLISH qos=0 topic=t payload=[]"},
    {"31 04 00 01 't' 'x'",                                   "PUBLISH qos=0 retain topic=t payload=[78]"},
    {"32 21 00 1B 'devices/d1/messages/events/' 00 0A 'hi'",  "PUBLISH qos=1 id=10 topic=devices/d1/messages/events/ payload=[68 69]"},
    {"3A 05 00 01 't' FF FF",                                 "PUBLISH qos=1 dup id=65535 topic=t payload=[]"},
    {"3D 05 00 01 't' 01 00",                                 "PUBLISH qos=2 dup retain id=256 topic=t payload=[]"},
    {"34 06 00 01 't' 00 01 00",                              "PUBLISH qos=2 id=1 topic=t payload=[00]"},
    {"30 07 00 03 'a b' C3 28",                               "PUBLISH qos=0 topic=a b payload=[C3 28]"},  // a payload is any bytes
    {"30 06 00 04 F4 8F BF BF",                               "PUBLISH qos=0 topic=\xF4\x8F\xBF\xBF payload=[]"},
    {"30 05 00 03 EF BB BF",                                  "PUBLISH qos=0 topic=\xEF\xBB\xBF payload=[]"},  // U+FEFF is kept (1.5.3)
    {"30 83 00 00 01 't'",                                    "PUBLISH qos=0 topic=t payload=[]"},  // 3.1.1 does not ask for the shortest length

    {"40 02 00 01",                                           "PUBACK id=1"},
    {"50 02 12 34",                                           "PUBREC id=4660"},
    {"62 02 FF FF",                                           "PUBREL id=65535"},
    {"70 02 01 00",                                           "PUBCOMP id=256"},

    {"82 06 00 01 00 01 'a' 00",                              "SUBSCRIBE id=1 a:0"},
    {"82 30 00 02 00 12 '$iothub/twin/res/#' 00 00 16 '$iothub/methods/POST/#' 01",
                                                              "SUBSCRIBE id=2 $iothub/twin/res/#:0 $iothub/methods/POST/#:1"},
    {"82 0E 80 00 00 01 '+' 02 00 01 '#' 01 00 01 '+' 00",    "SUBSCRIBE id=32768 +:2 #:1 +:0"},
    {"A2 05 00 01 00 01 'a'",                                 "UNSUBSCRIBE id=1 a"},
    {"A2 0A FF FF 00 01 '/' 00 03 '+/#'",                     "UNSUBSCRIBE id=65535 / +/#"},

    {"C0 00",                                                 "PINGREQ"},
    {"C0 80 80 80 00",                                        "PINGREQ"},
    {"E0 00",                                                 "DISCONNECT"},
});
// clang-format on

/// Of its own, exactly as long as the packet: a sanitizer sees a read beyond the end, which a std::string can hide.
inline std::vector<std::byte> exact_copy(std::string_view bytes) {
  const std::span<const std::byte> view = as_bytes(bytes);
  return {view.begin(), view.end()};
}

/// The packet of this first byte and body.
inline std::string packet_of(unsigned first, std::string_view body) {
  std::string out(1, static_cast<char>(first));
  std::size_t length = body.size();
  for (; length > 0x7F; length >>= 7) out += static_cast<char>((length & 0x7F) | 0x80);
  out += static_cast<char>(length);
  return out.append(body);
}

inline std::string describe(const mqtt::ClientPacket& packet) {
  struct Description {
    static std::string id(std::uint16_t packet_id) { return " id=" + std::to_string(packet_id); }
    static std::string payload(std::span<const std::byte> bytes) { return "[" + hex(bytes::as_text(bytes)) + "]"; }

    std::string operator()(const mqtt::Connect& connect) const {
      if (connect.protocol_name != "MQTT" || connect.protocol_level != 4) {
        return "CONNECT of " + std::string(connect.protocol_name) + " level " + std::to_string(connect.protocol_level);
      }
      std::string out = connect.clean_session ? "CONNECT clean" : "CONNECT";
      out += " keep_alive=" + std::to_string(connect.keep_alive) + " client_id=" + std::string(connect.client_id);
      if (connect.will) {
        out += " will=" + std::string(connect.will->topic) + " qos=" + std::to_string(connect.will->qos);
        out += (connect.will->retain ? " retain payload=" : " payload=") + payload(connect.will->payload);
      }
      if (connect.user_name) out += " user_name=" + std::string(*connect.user_name);
      if (connect.password) out += " password=" + payload(*connect.password);
      return out;
    }
    std::string operator()(const mqtt::Publish& publish) const {
      std::string out = "PUBLISH qos=" + std::to_string(publish.qos);
      if (publish.duplicate) out += " dup";
      if (publish.retain) out += " retain";
      if (publish.packet_id != 0) out += id(publish.packet_id);
      return out + " topic=" + std::string(publish.topic) + " payload=" + payload(publish.payload);
    }
    std::string operator()(const mqtt::Puback& puback) const { return "PUBACK" + id(puback.packet_id); }
    std::string operator()(const mqtt::Pubrec& pubrec) const { return "PUBREC" + id(pubrec.packet_id); }
    std::string operator()(const mqtt::Pubrel& pubrel) const { return "PUBREL" + id(pubrel.packet_id); }
    std::string operator()(const mqtt::Pubcomp& pubcomp) const { return "PUBCOMP" + id(pubcomp.packet_id); }
    std::string operator()(const mqtt::Subscribe& subscribe) const {
      std::string out = "SUBSCRIBE" + id(subscribe.packet_id);
      for (const auto& [filter, qos] : subscribe.filters) out += " " + std::string(filter) + ":" + std::to_string(qos);
      return out;
    }
    std::string operator()(const mqtt::Unsubscribe& unsubscribe) const {
      std::string out = "UNSUBSCRIBE" + id(unsubscribe.packet_id);
      for (const std::string_view filter : unsubscribe.filters) out += " " + std::string(filter);
      return out;
    }
    std::string operator()(const mqtt::Pingreq&) const { return "PINGREQ"; }
    std::string operator()(const mqtt::Disconnect&) const { return "DISCONNECT"; }
  };
  return std::visit(Description{}, packet);
}

}  // namespace iothub::test
