#include "protocol/mqtt/frame.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/protocol/mqtt/packet_table.h"

using namespace iothub::mqtt;
using iothub::bytes::as_text;
using iothub::test::as_bytes;
using iothub::test::bytes_of;
using iothub::test::exact_copy;
using iothub::test::hex;
using iothub::test::kClientPackets;

namespace {

constexpr std::size_t kLongestPacket = 5 + 268'435'455;  // section 2.2.3

/// Takes what arrives, as a connection does, and keeps the whole packets.
class Receiver {
 public:
  void receive(std::string_view bytes) {
    buffer_ += bytes;
    while (true) {
      const std::vector<std::byte> copy = exact_copy(buffer_);
      const Frame frame = next_frame(copy, kMaxPacketBytes);
      REQUIRE(frame.status != FrameStatus::malformed);
      if (frame.status == FrameStatus::need_more) return;
      REQUIRE(frame.packet.data() == copy.data());
      packets_.push_back(hex(as_text(frame.packet)));
      buffer_.erase(0, frame.packet.size());
    }
  }
  const std::vector<std::string>& packets() const { return packets_; }
  std::size_t waiting() const { return buffer_.size(); }

 private:
  std::string buffer_;
  std::vector<std::string> packets_;
};

struct Stream {
  std::string bytes;
  std::vector<std::string> packets;
};
Stream every_packet() {
  Stream stream;
  for (const auto& row : kClientPackets) {
    const std::string bytes = bytes_of(row.bytes);
    stream.bytes += bytes;
    stream.packets.push_back(hex(bytes));
  }
  return stream;
}

FrameStatus status_of(std::string_view notation, std::size_t limit = kMaxPacketBytes) {
  const std::vector<std::byte> bytes = exact_copy(bytes_of(notation));
  return next_frame(bytes, limit).status;
}

}  // namespace

TEST_CASE("packets that arrive together are told apart") {
  const Stream stream = every_packet();
  Receiver receiver;
  receiver.receive(stream.bytes);
  CHECK(receiver.packets() == stream.packets);
  CHECK(receiver.waiting() == 0);
}

TEST_CASE("packets that arrive byte by byte are put together") {
  const Stream stream = every_packet();
  Receiver receiver;
  for (const char byte : stream.bytes) receiver.receive({&byte, 1});
  CHECK(receiver.packets() == stream.packets);
  CHECK(receiver.waiting() == 0);
}

TEST_CASE("a stream split at any byte gives the same packets") {
  const Stream stream = every_packet();
  for (std::size_t split = 0; split <= stream.bytes.size(); ++split) {
    Receiver receiver;
    receiver.receive(std::string_view(stream.bytes).substr(0, split));
    receiver.receive(std::string_view(stream.bytes).substr(split));
    CAPTURE(split);
    CHECK(receiver.packets() == stream.packets);
  }
}

TEST_CASE("a packet cut at any byte waits for more") {
  for (const auto& row : kClientPackets) {
    CAPTURE(row.bytes);
    const std::string bytes = bytes_of(row.bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(size);
      const std::vector<std::byte> cut = exact_copy(std::string_view(bytes).substr(0, size));
      const Frame frame = next_frame(cut, kMaxPacketBytes);
      CHECK(frame.status == FrameStatus::need_more);
      CHECK(frame.packet.empty());
    }
  }
}

TEST_CASE("lengths of one to four bytes are read at both of their ends") {
  struct Row {
    std::string_view header;
    std::size_t remaining_length;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"30 00", 0},
      {"30 7F", 127},
      {"30 80 01", 128},
      {"30 FF 7F", 16'383},
      {"30 80 80 01", 16'384},
      {"30 FF FF 7F", 2'097'151},
      {"30 80 80 80 01", 2'097'152},
  });
  for (const Row& row : kRows) {
    CAPTURE(row.header);
    std::string bytes = bytes_of(row.header);
    const std::size_t size = bytes.size() + row.remaining_length;
    bytes.resize(size + 1);
    const Frame whole = next_frame(as_bytes(bytes), size);
    CHECK(whole.status == FrameStatus::whole);
    CHECK(whole.packet.size() == size);
    CHECK(next_frame(as_bytes(bytes).first(size - 1), size).status == FrameStatus::need_more);
  }
}

TEST_CASE("a packet longer than the limit is refused as soon as its length is known") {
  CHECK(status_of("30 08", 10) == FrameStatus::need_more);
  CHECK(status_of("30 08 00 01 't' 'hello'", 10) == FrameStatus::whole);
  CHECK(status_of("30 09", 10) == FrameStatus::malformed);
  CHECK(status_of("30 09 00 01 't' 'hello!'", 10) == FrameStatus::malformed);
  CHECK(status_of("30 FF FF FF 7F", kLongestPacket) == FrameStatus::need_more);
  CHECK(status_of("30 FF FF FF 7F", kLongestPacket - 1) == FrameStatus::malformed);

  const std::string length = bytes_of("30 FF FF FF 7F");
  const Frame refused = next_frame(as_bytes(length), kMaxConnectBytes);
  CHECK(refused.packet.empty());
  CHECK(refused.reason == "a packet of 268435460 bytes; the limit is 32768");
}

TEST_CASE("the largest payload that the hub takes fits into a packet with a long topic") {
  std::string bytes = bytes_of("30 83 80 12");  // 256 KiB + 32 KiB + 3
  bytes.resize(4 + 256 * 1024 + 32 * 1024 + 3);
  CHECK(next_frame(as_bytes(bytes), kMaxPacketBytes).status == FrameStatus::whole);
}

TEST_CASE("a length of five bytes is refused, whether or not its fifth byte has arrived") {
  CHECK(status_of("30 FF FF FF") == FrameStatus::need_more);
  CHECK(status_of("30 FF FF FF FF") == FrameStatus::malformed);
  CHECK(status_of("30 80 80 80 80 01", kLongestPacket) == FrameStatus::malformed);
  CHECK(status_of("C0 80 80 80 80 00", kLongestPacket) == FrameStatus::malformed);
}
