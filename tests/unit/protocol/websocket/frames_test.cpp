#include "protocol/websocket/frames.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/unit/protocol/bytes/hex.h"

using namespace iothub::test;
using iothub::websocket::append_binary;
using iothub::websocket::append_close;
using iothub::websocket::CloseStatus;
using iothub::websocket::FrameReader;

namespace {

/// A client's frame; `first` is FIN and opcode.
std::string frame(int first, const std::string& payload) {
  const std::string mask = "\x01\x7f\x80\xff";
  std::string out(1, static_cast<char>(first));
  if (payload.size() <= 125) {
    out += static_cast<char>(0x80U | payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += '\xFE';
    for (const int shift : {8, 0}) out += static_cast<char>(payload.size() >> shift);
  } else {
    out += '\xFF';
    for (const int shift : {56, 48, 40, 32, 24, 16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  }
  out += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

struct Reader {
  bool receive(const std::string& bytes) { return reader.receive(as_bytes(bytes), data, answers); }

  FrameReader reader;
  std::string data;
  std::string answers;
};

CloseStatus status_after(const std::string& bytes) {
  Reader client;
  CHECK_FALSE(client.receive(bytes));
  CHECK(!client.reader.end_reason().empty());
  CHECK_FALSE(client.receive(frame(0x82, "late")));
  CHECK(client.data.find("late") == std::string::npos);
  return client.reader.close_status();
}

}  // namespace

TEST_CASE("a masked frame of RFC 6455 carries its text") {
  Reader client;
  CHECK(client.receive(bytes_of("82 85 37 FA 21 3D 7F 9F 4D 51 58")));
  CHECK(client.data == "Hello");
}

TEST_CASE("frames, messages and reads may cut the bytes anywhere") {
  const std::string long_payload(300, 'l');
  const std::string bytes = frame(0x02, "one ") + frame(0x00, "") + frame(0x89, "ping") + frame(0x80, "message ") +
                            frame(0x82, long_payload) + frame(0x8A, "pong") + frame(0x82, "end");
  const std::string pong = bytes_of("8A 04 'ping'");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Reader client;
    CHECK(client.receive(bytes.substr(0, cut)));
    CHECK(client.receive(bytes.substr(cut)));
    CHECK(client.data == "one message " + long_payload + "end");
    CHECK(client.answers == pong);
  }
  Reader slow;
  for (const char byte : bytes) CHECK(slow.receive(std::string(1, byte)));
  CHECK(slow.data == "one message " + long_payload + "end");
  CHECK(slow.answers == pong);
}

TEST_CASE("of Pongs that nobody takes some are kept, and always that of the last Ping") {
  Reader client;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = std::to_string(10'000 + i);
    CHECK(client.receive(frame(0x89, text)));
    CHECK(client.answers.ends_with(bytes_of("8A 05") + text));
    CHECK(client.answers.size() < FrameReader::kMostPongs + 127);
  }
  client.answers.clear();
  CHECK(client.receive(frame(0x89, "a") + frame(0x89, "b")));
  CHECK(client.answers == bytes_of("8A 01 'a' 8A 01 'b'"));
}

TEST_CASE("a frame with a length of 64 bits is read as it comes") {
  Reader client;
  const std::string payload(0x10000, 'x');
  CHECK(client.receive(frame(0x82, payload).substr(0, 1000)));
  CHECK(client.data.size() == 986);
  CHECK(client.receive(frame(0x82, payload).substr(1000)));
  CHECK(client.data == payload);
}

TEST_CASE("a Close ends the WebSocket") {
  CHECK(status_after(frame(0x88, "")) == CloseStatus::normal);
  CHECK(status_after(frame(0x82, "before") + frame(0x88, bytes_of("03 E8 'bye'"))) == CloseStatus::normal);
}

TEST_CASE("what a client must not send ends the WebSocket with a status") {
  CHECK(status_after(bytes_of("82 01 'a'")) == CloseStatus::protocol_error);  // no mask
  CHECK(status_after(frame(0x81, "text")) == CloseStatus::unsupported_data);
  CHECK(status_after(frame(0xC2, "compressed")) == CloseStatus::protocol_error);
  CHECK(status_after(frame(0x80, "continues nothing")) == CloseStatus::protocol_error);
  CHECK(status_after(frame(0x02, "a") + frame(0x82, "b")) == CloseStatus::protocol_error);
  CHECK(status_after(frame(0x83, "")) == CloseStatus::protocol_error);
  CHECK(status_after(frame(0x09, "fragmented ping")) == CloseStatus::protocol_error);
  CHECK(status_after(frame(0x89, std::string(126, 'p'))) == CloseStatus::protocol_error);
  CHECK(status_after(bytes_of("82 FE 00 7D 00 00 00 00")) == CloseStatus::protocol_error);  // 125 in 16 bits
  CHECK(status_after(bytes_of("82 FF 00 00 00 00 00 00 FF FF 00 00 00 00")) == CloseStatus::protocol_error);
  CHECK(status_after(bytes_of("82 FF 80 00 00 00 00 00 00 00 00 00 00 00")) == CloseStatus::protocol_error);
}

TEST_CASE("a server's frames have no mask and the shortest length") {
  const auto header = [](std::size_t size) {
    std::string out;
    append_binary(std::string(size, 'x'), out);
    return hex(out.substr(0, out.size() - size));
  };
  CHECK(header(0) == "82 00");
  CHECK(header(125) == "82 7D");
  CHECK(header(126) == "82 7E 00 7E");
  CHECK(header(0xFFFF) == "82 7E FF FF");
  CHECK(header(0x10000) == "82 7F 00 00 00 00 00 01 00 00");
  std::string out;
  append_close(CloseStatus::protocol_error, out);
  CHECK(hex(out) == "88 02 03 EA");
}
