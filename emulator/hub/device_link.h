#pragma once
/// The hub's end of a live connection of one device or module; a protocol session implements it.
#include <string>
#include <string_view>

#include "emulator/hub/twin.h"

namespace iothub::hub {

enum class LinkEnd {
  taken_over,  ///< the same identity connected again (400027)
  disabled,
  deleted,
  shut_down,
};
std::string_view to_string(LinkEnd end);

/// A direct method on its way to the device; borrowed for the call.
struct MethodRequest {
  std::string_view request_id;
  std::string_view name;
  std::string_view payload;  ///< JSON text
};

class DeviceLink {
 public:
  virtual ~DeviceLink() = default;
  /// Encodes and queues; must not call the hub back. Links that did not subscribe ignore it.
  virtual void desired_changed(const DesiredChange& change) = 0;
  /// Encodes and queues, as desired_changed. False: this link takes no methods (it has not subscribed).
  virtual bool invoke_method(const MethodRequest& request) = 0;
  /// Ends this identity's link; nothing more is delivered after it. The attachment may die later.
  virtual void close(LinkEnd end) = 0;
};

}  // namespace iothub::hub
