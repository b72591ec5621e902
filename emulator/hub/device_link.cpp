#include "emulator/hub/device_link.h"

namespace iothub::hub {

std::string_view to_string(LinkEnd end) {
  switch (end) {
    case LinkEnd::taken_over:
      return "the same identity connected again (400027)";
    case LinkEnd::disabled:
      return "the device was disabled";
    case LinkEnd::deleted:
      return "the identity was deleted";
    case LinkEnd::shut_down:
      return "the hub is shutting down";
    case LinkEnd::reset:
      return "the control API reset the hub or the device";
  }
  return "unknown";
}

}  // namespace iothub::hub
