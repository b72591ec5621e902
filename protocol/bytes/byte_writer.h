#pragma once
/// Appends big-endian fields to a byte buffer; buffers of bytes to send are std::string throughout.
#include <cstdint>
#include <string>
#include <string_view>

namespace iothub::bytes {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t value) { out_ += static_cast<char>(value); }
  void u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value & 0xFF));
  }
  void text(std::string_view bytes) { out_ += bytes; }

 private:
  std::string& out_;
};

}  // namespace iothub::bytes
