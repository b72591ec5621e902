#pragma once
/// A client's side of RFC 6455, byte by byte.
#include <string>
#include <string_view>

namespace iothub::test {

/// A client's frame: `first` is FIN and opcode. Up to 64 KiB.
inline std::string websocket_frame(int first, std::string_view payload) {
  constexpr std::string_view kMask = "mask";
  std::string out{static_cast<char>(first)};
  if (payload.size() > 125) {
    out += '\xFE';
    out += static_cast<char>(payload.size() >> 8U);
    out += static_cast<char>(payload.size());
  } else {
    out += static_cast<char>(0x80U | payload.size());
  }
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ kMask[i % kMask.size()]);
  return out;
}

/// The request for it.
inline std::string websocket_opening(std::string_view path, std::string_view sub_protocol) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost:443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " +
         std::string(sub_protocol) + "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
}

/// Its answer, for the key that websocket_opening() shows.
inline std::string websocket_switched(std::string_view sub_protocol) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: " +
         std::string(sub_protocol) + "\r\n\r\n";
}

}  // namespace iothub::test
