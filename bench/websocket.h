#pragma once
/// The client's side of a WebSocket (RFC 6455), without sockets: as much as MQTT needs.
#include <cstddef>
#include <string>
#include <string_view>

namespace iothub::bench {

class WebSocket {
 public:
  /// The request that asks for the sub-protocol `mqtt`.
  static std::string upgrade(std::string_view host, std::string_view path);

  /// Appends `payload` to `out` as one masked binary frame.
  static void wrap(std::string_view payload, std::string& out);

  /// Takes what the server sent and appends to `payload` what its frames carry, to `out` what it has to be answered.
  /// False when the server refused or ended the WebSocket.
  bool take(std::string_view bytes, std::string& payload, std::string& out);

  bool is_open() const { return open_; }

 private:
  /// The size of the frame that `bytes` begin with, 0 when it is not there as a whole.
  std::size_t take_frame(std::string_view bytes, std::string& payload, std::string& out);

  bool open_ = false;
  bool ended_ = false;
  std::string incoming_;  ///< the start of the answer, then of a frame
};

}  // namespace iothub::bench
