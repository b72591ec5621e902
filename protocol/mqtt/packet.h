#pragma once
/// MQTT 3.1.1 packets as values (OASIS MQTT 3.1.1). Texts and payloads are borrowed from the bytes they were read from.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace iothub::mqtt {

struct Will {
  std::string_view topic;
  std::span<const std::byte> payload;
  int qos = 0;
  bool retain = false;
};

/// Of a CONNECT whose protocol is not "MQTT" level 4 only name and level are read: what follows may be laid out
/// otherwise.
struct Connect {
  std::string_view protocol_name;
  std::uint8_t protocol_level = 0;
  bool clean_session = false;
  std::uint16_t keep_alive = 0;  ///< seconds, 0 = none
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<std::span<const std::byte>> password;
};

struct Publish {
  bool duplicate = false;
  int qos = 0;
  bool retain = false;
  std::string_view topic;
  std::uint16_t packet_id = 0;  ///< 0 with QoS 0
  std::span<const std::byte> payload;
};

struct Puback {
  std::uint16_t packet_id = 0;
};
struct Pubrec {
  std::uint16_t packet_id = 0;
};
struct Pubrel {
  std::uint16_t packet_id = 0;
};
struct Pubcomp {
  std::uint16_t packet_id = 0;
};

struct SubscribeFilter {
  std::string_view filter;
  int qos = 0;
};
struct Subscribe {
  std::uint16_t packet_id = 0;
  std::vector<SubscribeFilter> filters;
};
struct Unsubscribe {
  std::uint16_t packet_id = 0;
  std::vector<std::string_view> filters;
};
struct Pingreq {};
struct Disconnect {};

using ClientPacket =
    std::variant<Connect, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe, Unsubscribe, Pingreq, Disconnect>;

struct Connack {
  bool session_present = false;
  std::uint8_t return_code = 0;
};
struct Suback {
  std::uint16_t packet_id = 0;
  std::span<const std::byte> return_codes;
};
struct Unsuback {
  std::uint16_t packet_id = 0;
};
struct Pingresp {};

/// What this server sends: the counterpart of encode.h.
using ServerPacket = std::variant<Connack, Publish, Puback, Suback, Unsuback, Pingresp>;

}  // namespace iothub::mqtt
