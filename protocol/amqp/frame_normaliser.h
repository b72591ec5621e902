#pragma once
/// Writes the performatives of outgoing frames with all their fields.
///
/// Proton leaves trailing nulls out, as AMQP allows; azure-eventhub's pyamqp reads performatives by position and fails
/// then (IndexError; begin.handle-max may not even be null), so every client gets full lists.
#include <cstdint>
#include <string>
#include <string_view>

namespace iothub::amqp {

class FrameNormaliser {
 public:
  /// Takes the engine's next bytes and appends the whole frames to `out`. A frame that would grow past `max_frame` (0:
  /// no limit), what the peer takes, stays as it is.
  void append(std::string_view bytes, std::uint32_t max_frame, std::string& out);

 private:
  std::string partial_;
};

}  // namespace iothub::amqp
