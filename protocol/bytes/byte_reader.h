#pragma once
/// Reads big-endian fields from borrowed bytes. A read beyond the end fails for good: later reads give empty values,
/// and ok() says so; so a decoder reads straight through and checks once.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace iothub::bytes {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }

  std::uint8_t u8() {
    const std::span<const std::byte> field = take(1);
    return field.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(field[0]);
  }
  std::uint16_t u16() {
    const std::span<const std::byte> field = take(2);
    if (field.empty()) return 0;
    return static_cast<std::uint16_t>((std::to_integer<unsigned>(field[0]) << 8) | std::to_integer<unsigned>(field[1]));
  }
  /// The next `count` bytes, borrowed.
  std::span<const std::byte> take(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::span<const std::byte> field = rest_.first(count);
    rest_ = rest_.subspan(count);
    return field;
  }
  std::span<const std::byte> rest() { return take(rest_.size()); }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace iothub::bytes
