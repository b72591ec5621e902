#pragma once
/// Back to the beginning, in milliseconds: the whole hub, or one device.
#include <cstdint>

#include "emulator/hub/hub.h"

namespace iothub::hub {

enum class ResetLinks : std::uint8_t {
  drop,  ///< connections end; a hub's devices are gone
  keep,  ///< connected devices stay registered and connected, with new twins; the others are gone
};

/// Removes devices, twins, messages, events, configurations and jobs, and commits. Dropped links are closed, and events
/// are counted from 0 again. `store` is the hub's. Throws storage::Error.
void reset_hub(Hub& hub, storage::Store& store, ResetLinks links);

/// The device and its modules keep their identities and keys; their twins are new, their queues empty, and their events
/// and subscriptions gone. A kept link is told that its desired properties went. 404001. Throws storage::Error.
Result<void> reset_device(Hub& hub, storage::Store& store, const DeviceId& device, ResetLinks links);

}  // namespace iothub::hub
