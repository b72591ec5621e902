#pragma once
/// A server's frames (RFC 6455, 5): a client's masked frames to the bytes they carry, and bytes to frames.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace iothub::websocket {

/// Statuses of a Close frame (RFC 6455, 7.4.1).
enum class CloseStatus : std::uint16_t { normal = 1000, protocol_error = 1002, unsupported_data = 1003 };

/// The carried protocol is a stream of bytes: frames and messages have no meaning of their own, so their payload is
/// passed on as it arrives and nothing is collected.
class FrameReader {
 public:
  /// Of Pongs that wait in `answers`: beyond it only that of the last Ping is kept, as RFC 6455, 5.5.3 allows.
  static constexpr std::size_t kMostPongs = 4096;

  /// Appends the payload of binary frames to `data`, and the Pongs that are due to `answers`, which nobody else fills.
  /// False once the WebSocket has ended, by the client's Close or by its fault: what follows is not read.
  bool receive(std::span<const std::byte> bytes, std::string& data, std::string& answers);

  /// How it ended: the status to answer with, and a text for the log.
  CloseStatus close_status() const { return close_status_; }
  std::string_view end_reason() const { return end_reason_; }

 private:
  enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

  /// How many bytes the header in header_ has, as far as its first two tell.
  std::size_t header_size() const;
  bool begin_frame();
  bool end_control(std::string& answers);
  bool end(CloseStatus status, std::string_view reason);
  bool is_control() const { return opcode_ >= Opcode::close; }

  std::array<std::uint8_t, 14> header_{};
  std::uint8_t header_filled_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;  ///< a fragmented message goes on
  bool ended_ = false;
  Opcode opcode_ = Opcode::continuation;
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t length_ = 0;
  std::uint64_t taken_ = 0;  ///< of the payload
  std::string control_;      ///< payload of a control frame, at most 125 bytes
  CloseStatus close_status_ = CloseStatus::normal;
  std::string_view end_reason_;
};

/// Appends one binary frame with the payload.
void append_binary(std::string_view payload, std::string& out);
/// Appends a Close frame.
void append_close(CloseStatus status, std::string& out);

}  // namespace iothub::websocket
