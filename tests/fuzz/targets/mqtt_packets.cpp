// Packets as clients send them: whole only when complete, borrowed from what came; a PUBLISH is written back as it was.
#include "protocol/mqtt/decode.h"
#include "protocol/mqtt/encode.h"
#include "protocol/mqtt/frame.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void require_same_publish(const mqtt::Publish& publish) {
  if (publish.qos > 1) return;  // the hub sends none
  std::string written;
  mqtt::encode_publish(written, {.topic = publish.topic,
                                 .payload = text_of(publish.payload),
                                 .qos = publish.qos,
                                 .packet_id = publish.packet_id,
                                 .duplicate = publish.duplicate});
  const mqtt::Frame frame = mqtt::next_frame(bytes_of(written), written.size());
  require(frame.status == mqtt::FrameStatus::whole && frame.packet.size() == written.size(), "PUBLISH is one packet");
  const mqtt::Decoded read = mqtt::decode(frame.packet);
  require(read.has_value(), "a written PUBLISH can be read");
  const auto& again = std::get<mqtt::Publish>(*read);
  require(again.topic == publish.topic && text_of(again.payload) == text_of(publish.payload) &&
              again.qos == publish.qos && again.packet_id == publish.packet_id && again.duplicate == publish.duplicate,
          "a written PUBLISH says the same");
}

}  // namespace

void mqtt_packets(std::string_view input) {
  std::span<const std::byte> bytes = bytes_of(input);
  while (true) {
    const mqtt::Frame frame = mqtt::next_frame(bytes, mqtt::kMaxPacketBytes);
    if (frame.status != mqtt::FrameStatus::whole) {
      require((frame.status == mqtt::FrameStatus::malformed) == !frame.reason.empty(), "a refusal has a reason");
      return;
    }
    require(frame.packet.data() == bytes.data() && frame.packet.size() <= bytes.size(), "a packet is of what came");
    require(mqtt::next_frame(bytes.first(frame.packet.size() - 1), mqtt::kMaxPacketBytes).status ==
                mqtt::FrameStatus::need_more,
            "without its last byte a packet is not whole");
    const mqtt::Decoded decoded = mqtt::decode(frame.packet);
    if (!decoded) {
      require(!decoded.error().reason.empty(), "a refusal has a reason");
      return;
    }
    if (const auto* publish = std::get_if<mqtt::Publish>(&*decoded)) require_same_publish(*publish);
    bytes = bytes.subspan(frame.packet.size());
  }
}

}  // namespace iothub::fuzz
