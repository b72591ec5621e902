#pragma once
/// Device-to-cloud events: appended to the partition of their device, kept until retention takes them.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/auth.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

class Links;

/// A message a device or module sent, its properties already decoded.
struct Telemetry {
  using Properties = std::vector<std::pair<std::string, std::string>>;
  /// message-id, correlation-id, user-id, to, absolute-expiry-time, content-type, content-encoding, creation-time,
  /// output-name, dt-subject, dt-dataschema, ...: the service's names, in the order sent.
  Properties system_properties;
  Properties properties;  ///< the application's, in the order sent
  std::string_view body;  ///< bytes
};

class Events {
 public:
  Events(storage::Store& store, Links& links, const Clock& clock);

  /// Appends; acknowledged only after the commit. 413001 over 256 KB.
  Result<void> append(const DevicePrincipal& from, const Telemetry& telemetry);
  /// All in their order, or none and the first one's refusal.
  Result<void> append_batch(const DevicePrincipal& from, std::span<const Telemetry> batch);

  /// The same device always has the same partition, on every machine.
  int partition_of(const DeviceId& device) const;

 private:
  storage::Store& store_;
  Links& links_;
  const Clock& clock_;
};

}  // namespace iothub::hub
