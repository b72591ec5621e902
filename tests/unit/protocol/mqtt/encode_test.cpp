#include "protocol/mqtt/encode.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "protocol/mqtt/decode.h"
#include "protocol/mqtt/frame.h"
#include "tests/unit/protocol/mqtt/packet_table.h"

using namespace iothub::mqtt;
using iothub::bytes::as_text;
using iothub::test::as_bytes;
using iothub::test::bytes_of;
using iothub::test::describe;
using iothub::test::hex;

namespace {

/// What `encode` appends, behind bytes that wait in the same buffer.
template <typename Encode>
std::string appended(Encode encode) {
  std::string out = "waiting";
  encode(out);
  REQUIRE(out.starts_with("waiting"));
  return hex(std::string_view(out).substr(7));
}

std::string publish_bytes(const OutgoingPublish& publish) {
  std::string out;
  encode_publish(out, publish);
  return out;
}

}  // namespace

TEST_CASE("CONNACK says whether the session was kept and how CONNECT went") {
  CHECK(appended([](std::string& out) { encode_connack(out, false, 0); }) == "20 02 00 00");
  CHECK(appended([](std::string& out) { encode_connack(out, true, 0); }) == "20 02 01 00");
  CHECK(appended([](std::string& out) { encode_connack(out, false, 5); }) == "20 02 00 05");
  CHECK(appended(encode_connack_v5_unsupported) == "20 03 00 84 00");
}

TEST_CASE("acknowledgements carry the packet id") {
  CHECK(appended([](std::string& out) { encode_puback(out, 0x1234); }) == "40 02 12 34");
  CHECK(appended([](std::string& out) { encode_unsuback(out, 0xFFFE); }) == "B0 02 FF FE");
  CHECK(appended(encode_pingresp) == "D0 00");
}

TEST_CASE("SUBACK carries one return code per filter") {
  const auto suback = [](std::span<const std::uint8_t> codes) {
    return appended([&](std::string& out) { encode_suback(out, 0x0102, codes); });
  };
  CHECK(suback(std::array<std::uint8_t, 1>{1}) == "90 03 01 02 01");
  CHECK(suback(std::array<std::uint8_t, 3>{0, 1, 0x80}) == "90 05 01 02 00 01 80");
  CHECK(suback(std::array<std::uint8_t, 126>{}).starts_with("90 80 01 01 02 00"));
}

TEST_CASE("PUBLISH is encoded byte by byte") {
  const std::string payload = bytes_of("00 FF");
  CHECK(hex(publish_bytes({"t", "hi"})) == "30 05 00 01 74 68 69");
  CHECK(hex(publish_bytes({"t", ""})) == "30 03 00 01 74");
  CHECK(hex(publish_bytes({"a/b", payload, 1, 0x0A0B})) == "32 09 00 03 61 2F 62 0A 0B 00 FF");
  CHECK(hex(publish_bytes({"t", "x", 1, 1, true})) == "3A 06 00 01 74 00 01 78");
  CHECK(hex(publish_bytes({"t", "x", 0, 7})) == "30 04 00 01 74 78");  // no packet id with QoS 0
}

TEST_CASE("the remaining length takes as few bytes as it can") {
  struct Row {
    std::size_t remaining_length;
    std::string_view header;
  };
  constexpr auto kRows = std::to_array<Row>({
      {3, "30 03 00 01 74"},
      {127, "30 7F 00 01 74"},
      {128, "30 80 01 00 01 74"},
      {16'383, "30 FF 7F 00 01 74"},
      {16'384, "30 80 80 01 00 01 74"},
      {2'097'151, "30 FF FF 7F 00 01 74"},
      {2'097'152, "30 80 80 80 01 00 01 74"},
  });
  for (const Row& row : kRows) {
    CAPTURE(row.remaining_length);
    const std::string payload(row.remaining_length - 3, 'p');
    const std::string bytes = publish_bytes({"t", payload});
    const std::string header = bytes_of(row.header);
    CHECK(hex(bytes.substr(0, header.size())) == row.header);
    CHECK(bytes.size() == header.size() + payload.size());
    const Frame frame = next_frame(as_bytes(bytes), bytes.size());
    REQUIRE(frame.status == FrameStatus::whole);
    CHECK(frame.packet.size() == bytes.size());
  }
}

TEST_CASE("what the hub sends is read back the same") {
  const std::string longest_topic(0xFFFF, 't');
  const std::string payload = bytes_of("00 80 FF 'x'");
  for (const std::string_view topic : {std::string_view("t"), std::string_view(longest_topic)}) {
    for (const int qos : {0, 1}) {
      for (const bool duplicate : {false, qos == 1}) {
        const auto packet_id = static_cast<std::uint16_t>(qos == 0 ? 0 : 0x8001);
        const std::string bytes = publish_bytes({topic, payload, qos, packet_id, duplicate});
        const Frame frame = next_frame(as_bytes(bytes), kMaxPacketBytes);
        REQUIRE(frame.status == FrameStatus::whole);
        CHECK(frame.packet.size() == bytes.size());
        const Decoded decoded = decode(frame.packet);
        REQUIRE(decoded.has_value());
        REQUIRE(std::holds_alternative<Publish>(*decoded));
        const Publish& read = std::get<Publish>(*decoded);
        CHECK(read.topic == topic);
        CHECK(as_text(read.payload) == payload);
        CHECK(read.qos == qos);
        CHECK(read.packet_id == packet_id);
        CHECK(read.duplicate == duplicate);
        CHECK(!read.retain);
        CHECK(publish_bytes({read.topic, as_text(read.payload), read.qos, read.packet_id, read.duplicate}) == bytes);
      }
    }
  }
  std::string puback;
  encode_puback(puback, 0x8001);
  const Decoded decoded = decode(as_bytes(puback));
  REQUIRE(decoded.has_value());
  CHECK(describe(*decoded) == "PUBACK id=32769");
}

TEST_CASE("what is sent can be read back") {
  const auto read = [](auto encode) {
    std::string out;
    encode(out);
    // Its texts are borrowed: only numbers are looked at.
    const DecodedOfServer packet = decode_server(as_bytes(out));
    REQUIRE(packet.has_value());
    return *packet;
  };
  const auto connack = std::get<Connack>(read([](std::string& out) { encode_connack(out, true, 5); }));
  CHECK(connack.session_present);
  CHECK(connack.return_code == 5);
  CHECK(std::get<Connack>(read(encode_connack_v5_unsupported)).return_code == 0x84);
  CHECK(std::get<Puback>(read([](std::string& out) { encode_puback(out, 7); })).packet_id == 7);
  CHECK(std::get<Unsuback>(read([](std::string& out) { encode_unsuback(out, 8); })).packet_id == 8);
  CHECK(std::holds_alternative<Pingresp>(read(encode_pingresp)));

  std::string suback;
  encode_suback(suback, 9, std::array<std::uint8_t, 2>{1, 0x80});
  const DecodedOfServer read_suback = decode_server(as_bytes(suback));
  REQUIRE(read_suback.has_value());
  CHECK(std::get<Suback>(*read_suback).packet_id == 9);
  CHECK(as_text(std::get<Suback>(*read_suback).return_codes) == "\x01\x80");

  const std::string publish =
      publish_bytes({.topic = "t/1", .payload = "hi", .qos = 1, .packet_id = 3, .duplicate = true});
  const DecodedOfServer read_publish = decode_server(as_bytes(publish));
  REQUIRE(read_publish.has_value());
  CHECK(std::get<Publish>(*read_publish).topic == "t/1");
  CHECK(std::get<Publish>(*read_publish).packet_id == 3);
  CHECK(as_text(std::get<Publish>(*read_publish).payload) == "hi");

  for (const char* wrong : {"10 00", "20 01 00", "90 02 00 01", "C0 00", "20"}) {
    const std::string bytes = bytes_of(wrong);
    CHECK_FALSE(decode_server(as_bytes(bytes)).has_value());
  }
}
