#include "protocol/websocket/frames.h"

#include <algorithm>

namespace iothub::websocket {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLengthBits = 0x7F;
constexpr std::uint8_t kLongestShort = 125;  // also the most a control frame may carry
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;

void append_header(std::uint8_t first, std::uint64_t length, std::string& out) {
  out += static_cast<char>(first);
  int length_bytes = 0;
  if (length <= kLongestShort) {
    out += static_cast<char>(length);
  } else if (length <= 0xFFFF) {
    out += static_cast<char>(kLength16);
    length_bytes = 2;
  } else {
    out += static_cast<char>(kLength64);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; --i) out += static_cast<char>((length >> (8 * i)) & 0xFFU);
}

}  // namespace

bool FrameReader::receive(std::span<const std::byte> bytes, std::string& data, std::string& answers) {
  while (!ended_) {
    if (!in_payload_) {
      while (header_filled_ < header_size() && !bytes.empty()) {
        header_[header_filled_++] = static_cast<std::uint8_t>(bytes.front());
        bytes = bytes.subspan(1);
      }
      if (header_filled_ < header_size()) return true;
      if (!begin_frame()) return false;
    }
    const std::size_t size = std::min<std::uint64_t>(bytes.size(), length_ - taken_);
    std::string& payload = is_control() ? control_ : data;
    payload.reserve(payload.size() + size);
    for (const std::byte byte : bytes.first(size)) {
      payload += static_cast<char>(static_cast<std::uint8_t>(byte) ^ mask_[taken_++ % mask_.size()]);
    }
    bytes = bytes.subspan(size);
    if (taken_ < length_) return true;
    in_payload_ = false;
    if (is_control() && !end_control(answers)) return false;
  }
  return false;
}

std::size_t FrameReader::header_size() const {
  if (header_filled_ < 2) return 2;
  const std::uint8_t length = header_[1] & kLengthBits;
  const std::size_t length_bytes = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  return 2 + length_bytes + ((header_[1] & kMasked) != 0 ? 4 : 0);
}

bool FrameReader::begin_frame() {
  const bool final = (header_[0] & kFinal) != 0;
  const std::uint8_t short_length = header_[1] & kLengthBits;
  if ((header_[0] & kReserved) != 0) return end(CloseStatus::protocol_error, "a frame with reserved bits");
  if ((header_[1] & kMasked) == 0) return end(CloseStatus::protocol_error, "a client's frame without a mask");
  opcode_ = static_cast<Opcode>(header_[0] & 0x0FU);
  switch (opcode_) {
    case Opcode::continuation:
      if (!in_message_) return end(CloseStatus::protocol_error, "a continuation of no message");
      in_message_ = !final;
      break;
    case Opcode::binary:
      if (in_message_) return end(CloseStatus::protocol_error, "a message inside a fragmented one");
      in_message_ = !final;
      break;
    case Opcode::text:
      return end(CloseStatus::unsupported_data, "a text frame: MQTT and AMQP travel in binary ones");
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!final || short_length > kLongestShort) {
        return end(CloseStatus::protocol_error, "a control frame that is fragmented or over 125 bytes");
      }
      break;
    default:  // any other number may come over the wire
      return end(CloseStatus::protocol_error, "a frame of an unknown kind");
  }

  const std::size_t mask_at = header_filled_ - mask_.size();
  length_ = short_length;
  if (mask_at > 2) {
    length_ = 0;
    for (std::size_t i = 2; i < mask_at; ++i) length_ = length_ << 8U | header_[i];
    const std::uint64_t least = short_length == kLength64 ? 0x10000 : kLongestShort + 1U;
    if (length_ < least || length_ >> 63U != 0)
      return end(CloseStatus::protocol_error, "a frame's length is malformed");
  }
  std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(mask_at), mask_.size(), mask_.begin());
  header_filled_ = 0;
  taken_ = 0;
  in_payload_ = true;
  control_.clear();
  return true;
}

bool FrameReader::end_control(std::string& answers) {
  if (opcode_ == Opcode::close) return end(CloseStatus::normal, "the client closed the WebSocket");
  if (opcode_ == Opcode::ping) {
    if (answers.size() >= kMostPongs) answers.clear();
    append_header(kFinal | static_cast<std::uint8_t>(Opcode::pong), control_.size(), answers);
    answers += control_;
  }
  return true;
}

bool FrameReader::end(CloseStatus status, std::string_view reason) {
  ended_ = true;
  close_status_ = status;
  end_reason_ = reason;
  return false;
}

void append_binary(std::string_view payload, std::string& out) {
  append_header(kFinal | 2U, payload.size(), out);
  out += payload;
}

void append_close(CloseStatus status, std::string& out) {
  append_header(kFinal | 8U, 2, out);
  const auto number = static_cast<std::uint16_t>(status);
  out += static_cast<char>(number >> 8U);
  out += static_cast<char>(number & 0xFFU);
}

}  // namespace iothub::websocket
