#pragma once
/// Events the hub itself makes: twin and digital twin changes, life cycle, connection state, each in the shape recorded
/// from a real hub (corrections.md 7; documentation: IoT Hub non-telemetry event schemas). Made only where a route
/// takes them.
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "emulator/hub/clock.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/twins.h"
#include "storage/rows.h"

namespace iothub::hub {

class Events;

namespace routing {
class Routing;
}

class Notifications {
 public:
  Notifications(std::string hub_name, TwinCache& twins, const routing::Routing& routing, Events& events,
                const Clock& clock, Scheduler& scheduler, RandomSource& random);

  /// A digital twin's event is made for those that have named their model.
  void twin_updated(const Identity& identity, const TwinUpdate& update);
  /// While the identity and its twin are there.
  void lifecycle(const Identity& identity, bool created);
  // A link comes and goes in the middle of other work (also in destructors), so its event is appended a turn later.
  void connected(const Identity& identity) { queue_connection_event(identity, "deviceConnected"); }
  void disconnected(const Identity& identity) { queue_connection_event(identity, "deviceDisconnected"); }

 private:
  void append_digital_twin_change(const Identity& identity, const Json& change, const std::string& correlation_id,
                                  const std::string& time);
  void queue_connection_event(const Identity& identity, const char* op_type);
  void append_queued();
  storage::EventRow row(const Identity& identity, const char* source, std::string correlation_id, std::string body,
                        const char* content_type = "application/json") const;
  std::string random_hex(std::size_t digits);

  const std::string hub_name_;
  TwinCache& twins_;
  const routing::Routing& routing_;
  Events& events_;
  const Clock& clock_;
  RandomSource& random_;
  std::deque<storage::EventRow> queued_;
  Timer append_queued_;
  std::optional<Timestamp> sequence_epoch_;
  std::uint64_t sequence_ = 0;
};

}  // namespace iothub::hub
