#include "protocol/mqtt/decode.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/mqtt/frame.h"
#include "protocol/mqtt/utf8.h"
#include "tests/unit/protocol/mqtt/packet_table.h"

using namespace iothub::mqtt;
using iothub::bytes::as_text;
using iothub::test::as_bytes;
using iothub::test::bytes_of;
using iothub::test::describe;
using iothub::test::exact_copy;
using iothub::test::hex;
using iothub::test::kClientPackets;
using iothub::test::packet_of;
using iothub::test::PacketRow;

namespace {

constexpr const char* kMalformed = "malformed: ";

/// What the packet means, or "malformed: " and the reason.
std::string reading_of(std::string_view packet) {
  const std::vector<std::byte> bytes = exact_copy(packet);
  const Frame frame = next_frame(bytes, kMaxPacketBytes);
  REQUIRE(frame.status == FrameStatus::whole);
  REQUIRE(frame.packet.size() == bytes.size());
  const Decoded decoded = decode(frame.packet);
  return decoded ? describe(*decoded) : kMalformed + decoded.error().reason;
}

bool is_malformed(std::string_view packet) {
  return reading_of(packet).starts_with(kMalformed);
}

std::string with_length(std::string_view text) {
  REQUIRE(text.size() < 256);
  return std::string{'\0', static_cast<char>(text.size())}.append(text);
}

// clang-format off
constexpr auto kMalformedPackets = std::to_array<PacketRow>({
    {"00 00",                                             "type 0, which no client sends"},
    {"F0 00",                                             "type 15, which no client sends"},
    {"20 02 00 00",                                       "type 2, which no client sends"},   // CONNACK
    {"90 03 00 01 00",                                    "type 9, which no client sends"},   // SUBACK
    {"B0 02 00 01",                                       "type 11, which no client sends"},  // UNSUBACK
    {"D0 00",                                             "type 13, which no client sends"},  // PINGRESP
    {"11 0C 00 04 'MQTT' 04 02 00 00 00 00",              "type 1 with wrong flags"},
    {"48 02 00 01",                                       "type 4 with wrong flags"},
    {"60 02 00 01",                                       "type 6 with wrong flags"},
    {"80 06 00 01 00 01 'a' 00",                          "type 8 with wrong flags"},
    {"A0 05 00 01 00 01 'a'",                             "type 10 with wrong flags"},
    {"C2 00",                                             "type 12 with wrong flags"},
    {"E1 00",                                             "type 14 with wrong flags"},

    {"10 00",                                             "without a protocol name and level"},
    {"10 06 00 04 'MQTT'",                                "without a protocol name and level"},
    {"10 07 00 08 'MQTT' 04",                             "without a protocol name and level"},
    {"10 07 00 04 'MQT' FF 04",                           "without a protocol name and level"},
    {"10 0D 00 04 'MQTT' 04 03 00 00 00 01 'd'",          "reserved flag"},
    {"10 0D 00 04 'MQTT' 04 0A 00 00 00 01 'd'",          "will flags but no will"},  // QoS 1
    {"10 0D 00 04 'MQTT' 04 12 00 00 00 01 'd'",          "will flags but no will"},  // QoS 2
    {"10 0D 00 04 'MQTT' 04 22 00 00 00 01 'd'",          "will flags but no will"},  // retain
    {"10 12 00 04 'MQTT' 04 1E 00 00 00 01 'd' 00 01 't' 00 00",
                                                          "will QoS 3"},
    {"10 10 00 04 'MQTT' 04 42 00 00 00 01 'd' 00 01 'p'", "a password but no user name"},
    {"10 0A 00 04 'MQTT' 04 02 00 00",                    "CONNECT that ends too early"},  // no client id
    {"10 0D 00 04 'MQTT' 04 82 00 00 00 01 'd'",          "CONNECT that ends too early"},  // no user name
    {"10 10 00 04 'MQTT' 04 C2 00 00 00 01 'd' 00 01 'u'", "CONNECT that ends too early"},  // no password
    {"10 11 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 02 't' 00", "CONNECT that ends too early"},  // no will payload
    {"10 0D 00 04 'MQTT' 04 02 00 00 00 01 FF",           "not MQTT's UTF-8"},  // client id
    {"10 0D 00 04 'MQTT' 04 02 00 00 00 01 00",           "not MQTT's UTF-8"},  // U+0000
    {"10 0F 00 04 'MQTT' 04 02 00 00 00 03 ED A0 80",     "not MQTT's UTF-8"},  // a surrogate
    {"10 12 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 01 80 00 00",
                                                          "not MQTT's UTF-8"},  // will topic
    {"10 10 00 04 'MQTT' 04 82 00 00 00 01 'd' 00 01 FE", "not MQTT's UTF-8"},  // user name
    {"10 11 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 00 00 00",
                                                          "will topic that is empty or has wildcards"},
    {"10 12 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 01 '#' 00 00",
                                                          "will topic that is empty or has wildcards"},
    {"10 14 00 04 'MQTT' 04 06 00 00 00 01 'd' 00 03 'a/+' 00 00",
                                                          "will topic that is empty or has wildcards"},
    {"10 0E 00 04 'MQTT' 04 02 00 00 00 01 'd' 00",       "CONNECT with bytes left over"},

    {"36 06 00 01 't' 00 01 'x'",                         "QoS 3"},
    {"38 04 00 01 't' 'x'",                               "DUP and QoS 0"},
    {"30 00",                                             "PUBLISH that ends too early"},
    {"30 01 00",                                          "PUBLISH that ends too early"},
    {"30 03 00 02 't'",                                   "PUBLISH that ends too early"},
    {"32 03 00 01 't'",                                   "PUBLISH that ends too early"},  // no packet id
    {"32 04 00 01 't' 00",                                "PUBLISH that ends too early"},
    {"32 05 00 01 't' 00 00",                             "packet id 0"},
    {"34 05 00 01 't' 00 00",                             "packet id 0"},
    {"30 04 00 02 C3 28",                                 "not MQTT's UTF-8"},
    {"30 05 00 03 'a' 00 'b'",                            "not MQTT's UTF-8"},  // U+0000
    {"30 05 00 03 ED BF BF",                              "not MQTT's UTF-8"},  // a surrogate
    {"30 04 00 02 C0 80",                                 "not MQTT's UTF-8"},  // an overlong U+0000
    {"30 02 00 00",                                       "empty or has wildcards"},
    {"30 03 00 01 '#'",                                   "empty or has wildcards"},
    {"30 05 00 03 'a/+'",                                 "empty or has wildcards"},
    {"30 05 00 03 'a+b'",                                 "empty or has wildcards"},

    {"40 00",                                             "not two bytes long"},
    {"40 01 01",                                          "not two bytes long"},
    {"40 03 00 01 00",                                    "not two bytes long"},
    {"40 02 00 00",                                       "packet id 0"},
    {"50 03 00 01 00",                                    "not two bytes long"},
    {"50 02 00 00",                                       "packet id 0"},
    {"62 01 01",                                          "not two bytes long"},
    {"62 02 00 00",                                       "packet id 0"},
    {"70 04 00 01 00 01",                                 "not two bytes long"},
    {"70 02 00 00",                                       "packet id 0"},

    {"82 00",                                             "SUBSCRIBE that ends too early"},
    {"82 01 00",                                          "SUBSCRIBE that ends too early"},
    {"82 02 00 01",                                       "SUBSCRIBE without a topic filter"},
    {"82 06 00 00 00 01 'a' 00",                          "SUBSCRIBE with packet id 0"},
    {"82 05 00 01 00 01 'a'",                             "SUBSCRIBE that ends too early"},  // no QoS
    {"82 06 00 01 00 02 'a' 00",                          "SUBSCRIBE that ends too early"},
    {"82 07 00 01 00 01 'a' 00 00",                       "SUBSCRIBE that ends too early"},  // a byte left over
    {"82 06 00 01 00 01 'a' 03",                          "wrong QoS byte"},
    {"82 06 00 01 00 01 'a' 80",                          "wrong QoS byte"},
    {"82 05 00 01 00 00 00",                              "SUBSCRIBE with a wrong topic filter"},  // empty
    {"82 06 00 01 00 01 FF 00",                           "SUBSCRIBE with a wrong topic filter"},
    {"82 0A 00 01 00 01 'a' 00 00 01 00 00",              "SUBSCRIBE with a wrong topic filter"},  // U+0000, in the second one

    {"A2 00",                                             "UNSUBSCRIBE that ends too early"},
    {"A2 02 00 01",                                       "UNSUBSCRIBE without a topic filter"},
    {"A2 05 00 00 00 01 'a'",                             "UNSUBSCRIBE with packet id 0"},
    {"A2 05 00 01 00 02 'a'",                             "UNSUBSCRIBE that ends too early"},
    {"A2 06 00 01 00 01 'a' 00",                          "UNSUBSCRIBE that ends too early"},  // a byte left over
    {"A2 04 00 01 00 00",                                 "UNSUBSCRIBE with a wrong topic filter"},  // empty
    {"A2 07 00 01 00 03 ED A0 80",                        "UNSUBSCRIBE with a wrong topic filter"},  // a surrogate

    {"C0 01 00",                                          "with a body"},
    {"E0 02 00 00",                                       "with a body"},
});
// clang-format on

/// The body sizes at which a packet cut short is still one: PUBLISH ends anywhere in its payload, a list of filters
/// after any filter, and of a foreign CONNECT only name and level are read.
std::set<std::size_t> whole_at(const ClientPacket& packet, std::size_t body_size) {
  std::set<std::size_t> sizes;
  std::size_t from = body_size;
  if (const auto* publish = std::get_if<Publish>(&packet)) from = body_size - publish->payload.size();
  if (const auto* connect = std::get_if<Connect>(&packet);
      connect && (connect->protocol_name != "MQTT" || connect->protocol_level != 4)) {
    from = 2 + connect->protocol_name.size() + 1;
  }
  for (; from <= body_size; ++from) sizes.insert(from);
  std::size_t end = 2;
  if (const auto* subscribe = std::get_if<Subscribe>(&packet)) {
    for (const SubscribeFilter& each : subscribe->filters) sizes.insert(end += 2 + each.filter.size() + 1);
  }
  if (const auto* unsubscribe = std::get_if<Unsubscribe>(&packet)) {
    for (const std::string_view filter : unsubscribe->filters) sizes.insert(end += 2 + filter.size());
  }
  return sizes;
}

struct Parts {
  unsigned first;
  std::string body;
};
Parts parts_of(std::string_view packet) {
  std::size_t header = 1;
  while ((static_cast<unsigned char>(packet[header]) & 0x80) != 0) ++header;
  return {static_cast<unsigned char>(packet[0]), std::string(packet.substr(header + 1))};
}

/// What holds for every packet that decode() lets through.
struct Promises {
  std::span<const std::byte> packet;

  bool borrowed(std::string_view text) const {
    const std::string_view all = as_text(packet);
    return text.empty() || (text.data() >= all.data() && text.data() + text.size() <= all.data() + all.size());
  }
  bool text(std::string_view text) const { return borrowed(text) && is_mqtt_text(text); }
  bool topic(std::string_view topic) const {
    return text(topic) && !topic.empty() && topic.find_first_of("+#") == std::string_view::npos;
  }
  static bool qos(int qos) { return qos >= 0 && qos <= 2; }

  bool operator()(const Connect& connect) const {
    if (!text(connect.protocol_name)) return false;
    if (connect.protocol_name != "MQTT" || connect.protocol_level != 4) return true;
    const auto& will = connect.will;
    return text(connect.client_id) && text(connect.user_name.value_or("")) &&
           borrowed(as_text(connect.password.value_or(std::span<const std::byte>()))) &&
           (connect.user_name || !connect.password) &&
           (!will || (topic(will->topic) && borrowed(as_text(will->payload)) && qos(will->qos)));
  }
  bool operator()(const Publish& publish) const {
    return topic(publish.topic) && borrowed(as_text(publish.payload)) && qos(publish.qos) &&
           (publish.qos > 0) == (publish.packet_id != 0) && !(publish.qos == 0 && publish.duplicate);
  }
  bool operator()(const Puback& puback) const { return puback.packet_id != 0; }
  bool operator()(const Pubrec& pubrec) const { return pubrec.packet_id != 0; }
  bool operator()(const Pubrel& pubrel) const { return pubrel.packet_id != 0; }
  bool operator()(const Pubcomp& pubcomp) const { return pubcomp.packet_id != 0; }
  bool operator()(const Subscribe& subscribe) const {
    for (const SubscribeFilter& each : subscribe.filters) {
      if (!text(each.filter) || each.filter.empty() || !qos(each.qos)) return false;
    }
    return subscribe.packet_id != 0 && !subscribe.filters.empty();
  }
  bool operator()(const Unsubscribe& unsubscribe) const {
    for (const std::string_view filter : unsubscribe.filters) {
      if (!text(filter) || filter.empty()) return false;
    }
    return unsubscribe.packet_id != 0 && !unsubscribe.filters.empty();
  }
  bool operator()(const Pingreq&) const { return true; }
  bool operator()(const Disconnect&) const { return true; }
};

void mutate(std::string& bytes, std::mt19937& random) {
  const auto below = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const auto any_byte = [&] { return static_cast<char>(random() & 0xFF); };
  if (bytes.empty()) bytes += any_byte();
  switch (below(5)) {
    case 0:
      bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8));
      break;
    case 1:
      bytes[below(bytes.size())] = any_byte();
      break;
    case 2:
      bytes.insert(below(bytes.size() + 1), 1, any_byte());
      break;
    case 3:
      bytes.erase(below(bytes.size()), 1 + below(4));
      break;
    case 4: {
      const std::size_t from = below(bytes.size());
      bytes.insert(below(bytes.size() + 1), bytes.substr(from, 1 + below(8)));
      break;
    }
  }
}

}  // namespace

TEST_CASE("every packet that a client sends is read") {
  for (const PacketRow& row : kClientPackets) {
    CAPTURE(row.bytes);
    CHECK(reading_of(bytes_of(row.bytes)) == row.meaning);
  }
}

TEST_CASE("every malformed packet is refused for its own reason") {
  for (const PacketRow& row : kMalformedPackets) {
    CAPTURE(row.bytes);
    const std::string reading = reading_of(bytes_of(row.bytes));
    CAPTURE(reading);
    CHECK(reading.starts_with(kMalformed));
    CHECK(reading.find(row.meaning) != std::string::npos);
  }
}

TEST_CASE("of the 256 first bytes only those of a client's packets are accepted") {
  std::vector<std::string> bodies(16);
  bodies[1] = bytes_of("00 04 'MQTT' 04 02 00 00 00 00");
  bodies[3] = bytes_of("00 01 't' 00 01");
  bodies[4] = bodies[5] = bodies[6] = bodies[7] = bytes_of("00 01");
  bodies[8] = bytes_of("00 01 00 01 'a' 00");
  bodies[10] = bytes_of("00 01 00 01 'a'");
  std::string accepted;
  for (unsigned first = 0; first <= 0xFF; ++first) {
    if (!is_malformed(packet_of(first, bodies[first >> 4]))) accepted += static_cast<char>(first);
  }
  CHECK(hex(accepted) == "10 30 31 32 33 34 35 3A 3B 3C 3D 40 50 62 70 82 A2 C0 E0");
}

TEST_CASE("of the 256 flag bytes of CONNECT those that contradict themselves are refused") {
  for (unsigned flags = 0; flags <= 0xFF; ++flags) {
    CAPTURE(flags);
    const unsigned will_qos = (flags >> 3) & 3;
    const bool will = (flags & 0x04) != 0;
    const bool retain = (flags & 0x20) != 0;
    const bool password = (flags & 0x40) != 0;
    const bool user_name = (flags & 0x80) != 0;
    std::string body = bytes_of("00 04 'MQTT' 04");
    body += static_cast<char>(flags);
    body += bytes_of("00 0A 00 01 'd'");
    std::string meaning = (flags & 0x02) != 0 ? "CONNECT clean" : "CONNECT";
    meaning += " keep_alive=10 client_id=d";
    if (will) {
      body += bytes_of("00 01 't' 00 01 'w'");
      meaning += " will=t qos=" + std::to_string(will_qos) + (retain ? " retain" : "") + " payload=[77]";
    }
    if (user_name) {
      body += bytes_of("00 01 'u'");
      meaning += " user_name=u";
    }
    if (password) {
      body += bytes_of("00 01 'p'");
      meaning += " password=[70]";
    }
    const bool contradicts =
        (flags & 0x01) != 0 || will_qos == 3 || (!will && (will_qos != 0 || retain)) || (password && !user_name);
    if (contradicts) {
      CHECK(is_malformed(packet_of(0x10, body)));
    } else {
      CHECK(reading_of(packet_of(0x10, body)) == meaning);
    }
  }
}

TEST_CASE("wildcards stand alone in their level, and # in the last one") {
  const auto subscribe = [](std::string_view filter) {
    return reading_of(packet_of(0x82, bytes_of("00 01") + with_length(filter) + '\1'));
  };
  const auto unsubscribe = [](std::string_view filter) {
    return reading_of(packet_of(0xA2, bytes_of("00 01") + with_length(filter)));
  };
  for (const std::string_view filter :
       {"#", "+", "/", "//", "/#", "+/+", "+/#", "a", "a/", "/a", "a/#", "a/+/b", "a//+/#", "$a/#", "a b",
        "devices/d1/messages/devicebound/#", "$iothub/twin/res/#"}) {
    CAPTURE(filter);
    CHECK(subscribe(filter) == "SUBSCRIBE id=1 " + std::string(filter) + ":1");
    CHECK(unsubscribe(filter) == "UNSUBSCRIBE id=1 " + std::string(filter));
  }
  for (const std::string_view filter : {"", "##", "++", "#/", "#/a", "a/#/b", "a#", "#a", "a/b#", "a/#b", "a+", "+a",
                                        "a/b+", "a/+b", "a/+b/c", "+#", "#+", "a/#/#", "#/+"}) {
    CAPTURE(filter);
    CHECK(subscribe(filter) == "malformed: SUBSCRIBE with a wrong topic filter (4.7)");
    CHECK(unsubscribe(filter) == "malformed: UNSUBSCRIBE with a wrong topic filter (4.7)");
  }
}

TEST_CASE("of the 256 QoS bytes of SUBSCRIBE three are accepted") {
  std::string accepted;
  for (unsigned qos = 0; qos <= 0xFF; ++qos) {
    const std::string body = bytes_of("00 01 00 01 'a'") + static_cast<char>(qos);
    if (!is_malformed(packet_of(0x82, body))) accepted += static_cast<char>(qos);
  }
  CHECK(hex(accepted) == "00 01 02");
}

TEST_CASE("a packet whose length was shortened is malformed, but where it may end") {
  for (const PacketRow& row : kClientPackets) {
    CAPTURE(row.bytes);
    const std::string bytes = bytes_of(row.bytes);
    const Decoded whole = decode(as_bytes(bytes));
    REQUIRE(whole.has_value());
    const auto [first, body] = parts_of(bytes);
    const std::set<std::size_t> ends = whole_at(*whole, body.size());
    for (std::size_t size = 0; size <= body.size(); ++size) {
      CAPTURE(size);
      CHECK(is_malformed(packet_of(first, std::string_view(body).substr(0, size))) == !ends.contains(size));
    }
  }
}

TEST_CASE("a byte more is malformed in every packet of fixed layout") {
  for (const PacketRow& row : kClientPackets) {
    CAPTURE(row.bytes);
    const std::string bytes = bytes_of(row.bytes);
    const Decoded whole = decode(as_bytes(bytes));
    REQUIRE(whole.has_value());
    const auto* connect = std::get_if<Connect>(&*whole);
    const bool foreign = connect && (connect->protocol_name != "MQTT" || connect->protocol_level != 4);
    const bool open_end = foreign || std::holds_alternative<Publish>(*whole);
    const auto [first, body] = parts_of(bytes);
    CHECK(is_malformed(packet_of(first, body + '\0')) == !open_end);
  }
}

TEST_CASE("bytes that are not even a header are refused, not read beyond") {
  for (const std::string_view bytes : {"", "10", "C0", "10 80", "30 FF FF FF"}) {
    CAPTURE(bytes);
    CHECK(!decode(exact_copy(bytes_of(bytes))).has_value());
  }
}

TEST_CASE("texts and payloads are borrowed from the packet") {
  const std::string bytes = bytes_of("32 06 00 01 't' 00 01 'x'");
  const Decoded decoded = decode(as_bytes(bytes));
  REQUIRE(decoded.has_value());
  const Publish& publish = std::get<Publish>(*decoded);
  CHECK(publish.topic.data() == bytes.data() + 4);
  CHECK(as_text(publish.payload).data() == bytes.data() + 7);
}

TEST_CASE("packets of random damage are refused or keep what the decoder promises") {
  std::mt19937 random(20261124);  // the same packets in every run
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string packet = bytes_of(kClientPackets[random() % kClientPackets.size()].bytes);
    // Damage behind the length is decoded as it stands; damage anywhere tries the framing too.
    auto [first, body] = parts_of(packet);
    const bool keep_length = random() % 4 != 0 && !body.empty();
    for (auto damages = 1 + random() % 4; damages > 0; --damages) mutate(keep_length ? body : packet, random);
    if (keep_length) packet = packet_of(first, body);

    const std::vector<std::byte> bytes = exact_copy(packet);
    const Frame frame = next_frame(bytes, kMaxPacketBytes);
    if (frame.status != FrameStatus::whole) continue;
    const Decoded decoded = decode(frame.packet);
    ++(decoded ? accepted : refused);
    if (!decoded) {
      REQUIRE(!decoded.error().reason.empty());
    } else if (!std::visit(Promises{frame.packet}, *decoded)) {
      FAIL_CHECK(hex(packet));
    }
  }
  CHECK(accepted > 1'000);
  CHECK(refused > 1'000);
}
