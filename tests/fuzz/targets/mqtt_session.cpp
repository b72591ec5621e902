// A connection of device d1 from its first byte: raw pieces, well-formed packets of the hub's topics, and what the
// service and time do meanwhile. Whatever comes, the hub writes whole packets that a client can read.
#include "emulator/heads/mqtt/mqtt_session.h"

#include "emulator/hub/json.h"
#include "protocol/mqtt/decode.h"
#include "protocol/mqtt/frame.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/fake_outbox.h"

namespace iothub::fuzz {
namespace {

std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}
std::string field(std::string_view text) {
  return u16(text.size()) + std::string(text);
}
std::string packet(std::size_t first_byte, const std::string& rest) {
  std::string out(1, static_cast<char>(first_byte));
  std::size_t size = rest.size();
  do {
    out += static_cast<char>(size % 128 | (size >= 128 ? 128 : 0));
    size /= 128;
  } while (size > 0);
  return out + rest;
}

constexpr std::string_view kTopics[] = {
    "devices/d1/messages/events/",     "devices/d1/messages/events/a=b&%24.ct=application%2Fjson",
    "$iothub/twin/GET/?$rid=1",        "$iothub/twin/PATCH/properties/reported/?$rid=2",
    "$iothub/methods/res/200/?$rid=1", "devices/d1/modules/m1/messages/events/",
};
constexpr std::string_view kFilters[] = {
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
    "devices/d1/messages/devicebound/#",
};

enum class Act : std::uint8_t {
  raw,
  connect,
  publish_known,
  publish,
  subscribe_known,
  subscribe,
  unsubscribe,
  puback,
  patch_desired,
  send_c2d,
  invoke_method,
  pass_time,
  remove_device,
  kCount
};

std::string connect_packet(const std::string& token, std::size_t flags) {
  const bool will = (flags & 0x04) != 0;
  std::string rest = field("MQTT") + "\x04" + static_cast<char>(0xC0 | (flags & 0x2E)) + u16(flags & 0xFF);
  rest += field("d1");
  if (will) rest += field("devices/d1/messages/events/") + field("gone");
  rest += field("localhost/d1/?api-version=2021-04-12") + field(token);
  return packet(0x10, rest);
}

/// What a client can read: whole packets, each of a kind that a server sends.
void require_readable(std::string_view written) {
  std::span<const std::byte> bytes = bytes_of(written);
  while (!bytes.empty()) {
    const mqtt::Frame frame = mqtt::next_frame(bytes, 1 << 20);
    require(frame.status == mqtt::FrameStatus::whole, "the hub writes whole packets");
    const int kind = std::to_integer<int>(frame.packet[0]) >> 4;
    require(kind == 2 || kind == 3 || kind == 4 || kind == 9 || kind == 11 || kind == 13, "it is a server's packet");
    if (kind == 3) {
      const mqtt::Decoded decoded = mqtt::decode(frame.packet);
      require(decoded.has_value(), decoded ? "" : "a PUBLISH of the hub is well-formed: " + decoded.error().reason);
    }
    bytes = bytes.subspan(frame.packet.size());
  }
}

}  // namespace

void mqtt_session(std::string_view bytes) {
  Input input(bytes);
  FuzzWorld world;
  test::FakeOutbox outbox;
  const heads::Peer peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}};
  heads::mqtt_head::MqttSession session(world.environment, peer, outbox);
  const std::string token = world.device_token(kD1);
  const auto feed = [&](std::string_view piece) { session.receive(bytes_of(piece)); };

  for (int acts = 0; acts < 64 && !input.empty() && !outbox.closed; ++acts) {
    switch (static_cast<Act>(input.number(1) % static_cast<std::size_t>(Act::kCount))) {
      case Act::raw:
        feed(input.sized());
        break;
      case Act::connect:
        feed(connect_packet(token, input.number(1)));
        break;
      case Act::publish_known: {
        const std::size_t which = input.number(1);
        const bool acknowledged = which >= 128;
        feed(packet(acknowledged ? 0x32 : 0x30, field(kTopics[which % std::size(kTopics)]) +
                                                    (acknowledged ? u16(which) : "") + std::string(input.sized())));
        break;
      }
      case Act::publish: {
        const std::string_view topic = input.sized();
        feed(packet(0x30 | (input.number(1) & 0x09), field(topic) + std::string(input.sized())));
        break;
      }
      case Act::subscribe_known: {
        const std::size_t which = input.number(1);
        feed(packet(0x82, u16(1) + field(kFilters[which % std::size(kFilters)]) + static_cast<char>(which >> 7)));
        break;
      }
      case Act::subscribe:
        feed(packet(0x82, u16(2) + field(input.sized()) + "\x01"));
        break;
      case Act::unsubscribe:
        feed(packet(0xA2, u16(3) + field(kFilters[input.number(1) % std::size(kFilters)])));
        break;
      case Act::puback:
        feed(packet(0x40, u16(input.number(2))));
        break;
      case Act::patch_desired:
        if (const auto patch = hub::parse_json(input.sized())) world.patch_desired(*patch);
        break;
      case Act::send_c2d:
        world.send_c2d(input.sized());
        break;
      case Act::invoke_method: {
        const std::string_view name = input.sized();
        world.invoke_method(std::string(name), "");
        break;
      }
      case Act::pass_time:
        world.advance(std::chrono::seconds(input.number(2)));
        break;
      case Act::remove_device:
        (void)world.hub.registry().remove(kD1, hub::IfMatch::any());
        break;
      case Act::kCount:
        break;
    }
    require_readable(outbox.take());
  }
  session.closed("the input ends");
  require_readable(outbox.take());
}

}  // namespace iothub::fuzz
