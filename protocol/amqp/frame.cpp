#include "protocol/amqp/frame.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <variant>

namespace iothub::amqp {
namespace {

constexpr std::size_t kHeaderSize = 8;
/// More than any peer of the hub may send in one (its max-frame-size is 64 KiB): longer is no frame.
constexpr std::size_t kLongest = std::size_t{1} << 20U;

struct Composite {
  std::uint64_t descriptor;
  std::string_view name;
  std::span<const std::string_view> fields;
};

// clang-format off
constexpr auto kOpen = std::to_array<std::string_view>({"container-id", "hostname", "max-frame-size", "channel-max", "idle-time-out", "outgoing-locales", "incoming-locales", "offered-capabilities", "desired-capabilities", "properties"});
constexpr auto kBegin = std::to_array<std::string_view>({"remote-channel", "next-outgoing-id", "incoming-window", "outgoing-window", "handle-max", "offered-capabilities", "desired-capabilities", "properties"});
constexpr auto kAttach = std::to_array<std::string_view>({"name", "handle", "role", "snd-settle-mode", "rcv-settle-mode", "source", "target", "unsettled", "incomplete-unsettled", "initial-delivery-count", "max-message-size", "offered-capabilities", "desired-capabilities", "properties"});
constexpr auto kFlow = std::to_array<std::string_view>({"next-incoming-id", "incoming-window", "next-outgoing-id", "outgoing-window", "handle", "delivery-count", "link-credit", "available", "drain", "echo", "properties"});
constexpr auto kTransfer = std::to_array<std::string_view>({"handle", "delivery-id", "delivery-tag", "message-format", "settled", "more", "rcv-settle-mode", "state", "resume", "aborted", "batchable"});
constexpr auto kDisposition = std::to_array<std::string_view>({"role", "first", "last", "settled", "state", "batchable"});
constexpr auto kDetach = std::to_array<std::string_view>({"handle", "closed", "error"});
constexpr auto kEnd = std::to_array<std::string_view>({"error"});
constexpr auto kMechanisms = std::to_array<std::string_view>({"sasl-server-mechanisms"});
constexpr auto kInit = std::to_array<std::string_view>({"mechanism", "initial-response", "hostname"});
constexpr auto kChallenge = std::to_array<std::string_view>({"challenge"});
constexpr auto kResponse = std::to_array<std::string_view>({"response"});
constexpr auto kOutcome = std::to_array<std::string_view>({"code", "additional-data"});
constexpr auto kError = std::to_array<std::string_view>({"condition", "description", "info"});
constexpr auto kReceived = std::to_array<std::string_view>({"section-number", "section-offset"});
constexpr auto kModified = std::to_array<std::string_view>({"delivery-failed", "undeliverable-here", "message-annotations"});
constexpr auto kSource = std::to_array<std::string_view>({"address", "durable", "expiry-policy", "timeout", "dynamic", "dynamic-node-properties", "distribution-mode", "filter", "default-outcome", "outcomes", "capabilities"});
constexpr auto kTarget = std::to_array<std::string_view>({"address", "durable", "expiry-policy", "timeout", "dynamic", "dynamic-node-properties", "capabilities"});

constexpr auto kComposites = std::to_array<Composite>({
    {0x10, "open", kOpen},
    {0x11, "begin", kBegin},
    {0x12, "attach", kAttach},
    {0x13, "flow", kFlow},
    {0x14, "transfer", kTransfer},
    {0x15, "disposition", kDisposition},
    {0x16, "detach", kDetach},
    {0x17, "end", kEnd},
    {0x18, "close", kEnd},
    {0x1D, "error", kError},
    {0x23, "received", kReceived},
    {0x24, "accepted", {}},
    {0x25, "rejected", kEnd},
    {0x26, "released", {}},
    {0x27, "modified", kModified},
    {0x28, "source", kSource},
    {0x29, "target", kTarget},
    {0x40, "sasl-mechanisms", kMechanisms},
    {0x41, "sasl-init", kInit},
    {0x42, "sasl-challenge", kChallenge},
    {0x43, "sasl-response", kResponse},
    {0x44, "sasl-outcome", kOutcome},
});
// clang-format on

const Composite* composite(std::uint64_t descriptor) {
  const auto found = std::find_if(kComposites.begin(), kComposites.end(),
                                  [descriptor](const Composite& each) { return each.descriptor == descriptor; });
  return found == kComposites.end() ? nullptr : &*found;
}

bool is_performative(std::uint64_t descriptor) {
  return (descriptor >= 0x10 && descriptor <= 0x18) || (descriptor >= 0x40 && descriptor <= 0x44);
}

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::size_t u32(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | byte_at(bytes, i);
  return value;
}

}  // namespace

std::optional<std::size_t> frame_size(std::string_view bytes) {
  if (bytes.size() < kHeaderSize) return 0;
  if (bytes.starts_with("AMQP")) return kHeaderSize;
  const std::size_t size = u32(bytes);
  const std::size_t body = std::size_t{byte_at(bytes, 4)} * 4;
  const std::uint8_t type = byte_at(bytes, 5);
  if (size > kLongest || body < kHeaderSize || body > size || type > 1) return std::nullopt;
  return size;
}

std::optional<Frame> read_frame(std::string_view bytes) {
  const std::optional<std::size_t> size = frame_size(bytes);
  if (!size || *size == 0 || bytes.size() < *size) return std::nullopt;
  Frame frame;
  frame.size = *size;
  if (bytes.starts_with("AMQP")) {
    frame.is_header = true;
    frame.protocol_id = byte_at(bytes, 4);
    return frame;
  }
  if (bytes[5] == 0) frame.channel = static_cast<std::uint16_t>(byte_at(bytes, 6) << 8U | byte_at(bytes, 7));
  std::string_view body = bytes.substr(0, *size).substr(std::size_t{byte_at(bytes, 4)} * 4);
  if (body.empty()) return frame;
  std::optional<Value> value = decode(body);
  auto* described = value ? std::get_if<Described>(&*value) : nullptr;
  if (described == nullptr) return std::nullopt;
  const std::optional<std::int64_t> descriptor = integer_of(described->parts[0]);
  auto* fields = std::get_if<List>(&described->parts[1]);
  if (!descriptor || !is_performative(static_cast<std::uint64_t>(*descriptor)) || fields == nullptr) {
    return std::nullopt;
  }
  frame.performative = static_cast<Performative>(*descriptor);
  frame.fields = std::move(*fields);
  frame.payload = body;
  return frame;
}

std::string_view name_of(Performative performative) {
  return type_name(static_cast<std::uint64_t>(performative));
}

std::string_view field_name(Performative performative, std::size_t index) {
  return field_name_of_type(static_cast<std::uint64_t>(performative), index);
}

std::string_view type_name(std::uint64_t descriptor) {
  const Composite* type = composite(descriptor);
  return type == nullptr ? std::string_view{} : type->name;
}

std::string_view field_name_of_type(std::uint64_t descriptor, std::size_t index) {
  const Composite* type = composite(descriptor);
  return type == nullptr || index >= type->fields.size() ? std::string_view{} : type->fields[index];
}

}  // namespace iothub::amqp
