#include "bench/websocket.h"

#include <array>
#include <cstdint>

namespace iothub::bench {
namespace {

// Not zero, so that both sides do the work of unmasking.
constexpr std::array<std::uint8_t, 4> kMask{0x5A, 0xC3, 0x69, 0x3C};

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

void append_frame(Opcode opcode, std::string_view payload, std::string& out) {
  out += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  const std::size_t size = payload.size();
  const int size_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  out += static_cast<char>(0x80U | (size_bytes == 0 ? size : size_bytes == 2 ? 126U : 127U));
  for (int byte = size_bytes - 1; byte >= 0; --byte) out += static_cast<char>(size >> (8 * byte));
  for (const std::uint8_t byte : kMask) out += static_cast<char>(byte);
  for (std::size_t i = 0; i < size; ++i) {
    out += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ kMask[i % kMask.size()]);
  }
}

}  // namespace

std::string WebSocket::upgrade(std::string_view host, std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: YmVuY2htYXJrIGNsaWVudA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
}

void WebSocket::wrap(std::string_view payload, std::string& out) {
  append_frame(Opcode::binary, payload, out);
}

bool WebSocket::take(std::string_view bytes, std::string& payload, std::string& out) {
  incoming_ += bytes;
  if (!open_) {
    const std::size_t end = incoming_.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    if (!incoming_.starts_with("HTTP/1.1 101")) return false;
    incoming_.erase(0, end + 4);
    open_ = true;
  }
  std::size_t taken = 0;
  while (!ended_) {
    const std::size_t size = take_frame(std::string_view(incoming_).substr(taken), payload, out);
    if (size == 0) break;
    taken += size;
  }
  incoming_.erase(0, taken);
  return !ended_;
}

std::size_t WebSocket::take_frame(std::string_view bytes, std::string& payload, std::string& out) {
  const auto byte = [bytes](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  if (bytes.size() < 2) return 0;
  std::size_t size = byte(1) & 0x7FU;
  const std::size_t size_bytes = size < 126 ? 0 : size == 126 ? 2 : 8;
  const std::size_t header = 2 + size_bytes;
  if (bytes.size() < header) return 0;
  if (size_bytes > 0) size = 0;
  for (std::size_t at = 2; at < header; ++at) size = size << 8 | byte(at);
  if (bytes.size() < header + size) return 0;
  const std::string_view content = bytes.substr(header, size);
  switch (static_cast<Opcode>(byte(0) & 0x0FU)) {
    case Opcode::close:
      ended_ = true;
      break;
    case Opcode::ping:
      append_frame(Opcode::pong, content, out);
      break;
    case Opcode::pong:
      break;
    default:
      payload += content;
  }
  return header + size;
}

}  // namespace iothub::bench
