#pragma once
/// Device-to-cloud events: appended to the partition of their device, kept until retention takes them.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/auth.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/listeners.h"

namespace iothub::storage {
class Store;
struct EventRow;
}  // namespace iothub::storage

namespace iothub::hub {

class ConsumerGroups;
class Links;
class TwinCache;

namespace routing {
class Routing;
}

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
  using Listener = Listeners<int>::Listener;

  Events(storage::Store& store, TwinCache& twins, Links& links, routing::Routing& routing, const Clock& clock);
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events();

  /// Appends; acknowledged only after the commit. 413001 over 256 KB.
  Result<void> append(const DevicePrincipal& from, const Telemetry& telemetry);
  /// All in their order, or none and the first one's refusal.
  Result<void> append_batch(const DevicePrincipal& from, std::span<const Telemetry> batch);

  /// Takes an event of any source to the endpoints of its routes; `events` is the stream. Acknowledged only after the
  /// commit.
  void deliver(storage::EventRow event);

  ConsumerGroups& consumer_groups() { return *consumer_groups_; }

  /// The same device always has the same partition, on every machine.
  int partition_of(const DeviceId& device) const;

  /// `appended` is called inside the calls that append, before their commit: it notes the partition and reads later.
  [[nodiscard]] Listener on_appended(std::function<void(int partition)> appended) {
    return appended_.add(std::move(appended));
  }

 private:
  storage::Store& store_;
  TwinCache& twins_;
  Links& links_;
  routing::Routing& routing_;
  const Clock& clock_;
  std::unique_ptr<ConsumerGroups> consumer_groups_;
  Listeners<int> appended_;
};

}  // namespace iothub::hub
