#include "protocol/amqp/frame_normaliser.h"

namespace iothub::amqp {
namespace {

constexpr std::size_t kHeaderSize = 8;
constexpr std::uint8_t kBegin = 0x11;
constexpr std::size_t kHandleMaxField = 4;
/// begin.handle-max as uint 8191.
constexpr std::string_view kHandleMax("\x70\x00\x00\x1f\xff", 5);

/// How many fields a performative has (AMQP 1.0, 2.7); 0: none of those.
std::size_t field_count(std::uint8_t performative) {
  switch (performative) {
    case 0x10:
      return 10;  // open
    case kBegin:
      return 8;
    case 0x12:
      return 14;  // attach
    case 0x13:
      return 11;  // flow
    case 0x14:
      return 11;  // transfer
    case 0x15:
      return 6;  // disposition
    case 0x16:
      return 3;  // detach
    case 0x17:
      return 1;  // end
    case 0x18:
      return 1;  // close
    default:
      return 0;
  }
}

std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

std::uint32_t u32_at(std::string_view bytes, std::size_t i) {
  return std::uint32_t{byte_at(bytes, i)} << 24U | std::uint32_t{byte_at(bytes, i + 1)} << 16U |
         std::uint32_t{byte_at(bytes, i + 2)} << 8U | byte_at(bytes, i + 3);
}

void put_u32(std::string& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xFFU);
}

void append_frame(std::string_view frame, std::uint32_t max_frame, std::string& out) {
  const std::size_t performative = std::size_t{byte_at(frame, 4)} * 4;
  const bool described = byte_at(frame, 5) == 0 && frame.size() > performative + 3 && frame[performative] == '\0' &&
                         frame[performative + 1] == '\x53';
  const std::uint8_t kind = described ? byte_at(frame, performative + 2) : std::uint8_t{0};
  const std::size_t wanted = field_count(kind);
  const std::string_view list = described ? frame.substr(performative + 3) : std::string_view{};
  std::size_t count = 0;
  std::size_t begins = 1;
  std::size_t size = 0;
  if (wanted == 0) {
    out += frame;
    return;
  }
  if (byte_at(list, 0) == 0xC0 && list.size() >= 3) {
    begins = 3;
    size = byte_at(list, 1) - 1U;
    count = byte_at(list, 2);
  } else if (byte_at(list, 0) == 0xD0 && list.size() >= 9) {
    begins = 9;
    size = u32_at(list, 1) - 4U;
    count = u32_at(list, 5);
  } else if (byte_at(list, 0) != 0x45) {
    out += frame;
    return;
  }
  std::string fields(list.substr(begins, size));
  const std::string_view payload = list.substr(begins + size);
  for (std::size_t i = count; i < wanted; ++i) {
    if (kind == kBegin && i == kHandleMaxField) {
      fields += kHandleMax;
    } else {
      fields += '\x40';
    }
  }
  const bool is_short = fields.size() + 1 < 256;
  const std::size_t total = performative + 3 + (is_short ? 3 : 9) + fields.size() + payload.size();
  if (max_frame != 0 && total > max_frame) {
    out += frame;
    return;
  }
  put_u32(out, total);
  out += frame.substr(4, performative + 3 - 4);
  if (is_short) {
    out += '\xC0';
    out += static_cast<char>(fields.size() + 1);
    out += static_cast<char>(wanted);
  } else {
    out += '\xD0';
    put_u32(out, fields.size() + 4);
    put_u32(out, wanted);
  }
  out += fields;
  out += payload;
}

}  // namespace

void FrameNormaliser::append(std::string_view bytes, std::uint32_t max_frame, std::string& out) {
  partial_ += bytes;
  std::string_view rest = partial_;
  while (rest.size() >= kHeaderSize) {
    if (rest.starts_with("AMQP")) {
      out += rest.substr(0, kHeaderSize);
      rest.remove_prefix(kHeaderSize);
      continue;
    }
    const std::size_t size = u32_at(rest, 0);
    if (rest.size() < size) break;
    append_frame(rest.substr(0, size), max_frame, out);
    rest.remove_prefix(size);
  }
  partial_.erase(0, partial_.size() - rest.size());
}

}  // namespace iothub::amqp
