#pragma once
/// Bodies that are too large to be held in memory: they arrive and leave in pieces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace iothub::http {

/// Takes a request's body, without chunk framing, as it arrives.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void append(std::string_view piece) = 0;
};

/// Gives a response's body.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t remaining() const = 0;
  /// Appends the next bytes, at most `most`, at least one while some remain. Throws std::exception when they cannot be
  /// had any more: the response is broken then, and its connection has to close.
  virtual void read(std::string& out, std::size_t most) = 0;
};

}  // namespace iothub::http
