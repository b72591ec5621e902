#pragma once
/// Removes events whose retention time is over (documentation: 1 to 7 days, 1 unless configured) and, where a size is
/// set, the oldest ones beyond it, in slices that do not hold up the hub. Without a size nothing younger than the
/// retention time is ever removed, however far behind its readers are.
#include <chrono>
#include <cstdint>
#include <optional>

#include "emulator/hub/clock.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

class EventRetention {
 public:
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::chrono::seconds kSizeInterval{1};  ///< where a size is set: events of so long may lie above it
  static constexpr std::chrono::milliseconds kBetweenSlices{50};
  static constexpr int kSlice = 200;  ///< events a partition

  /// `bytes`: of all partitions together, as their offsets count them (what was sent, and some of the hub's own).
  EventRetention(std::chrono::seconds retention, std::optional<std::int64_t> bytes, storage::Store& store,
                 const Clock& clock, Scheduler& scheduler);

 private:
  void schedule(std::chrono::milliseconds delay);
  bool remove_expired();
  bool remove_excess();

  std::chrono::seconds retention_;
  std::optional<std::int64_t> bytes_;
  storage::Store& store_;
  const Clock& clock_;
  Timer timer_;
};

}  // namespace iothub::hub
