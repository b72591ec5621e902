// Counts of devices (rest.md 3, rows 25 and 26).
#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {

void registry_statistics(Call& call) {
  const storage::DeviceCounts counts = call.hub().registry().device_counts();
  call.answer({{"totalDeviceCount", counts.total},
               {"enabledDeviceCount", counts.enabled},
               {"disabledDeviceCount", counts.total - counts.enabled}});
}

void service_statistics(Call& call) {
  call.answer({{"connectedDeviceCount", call.hub().links().connected_device_count()}});
}

}  // namespace iothub::heads::rest
