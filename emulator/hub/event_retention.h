#pragma once
/// Removes events whose retention time is over (documentation: 1 to 7 days, 1 unless configured), in slices that do not
/// hold up the hub. Nothing younger is ever removed.
#include <chrono>

#include "emulator/hub/clock.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

class EventRetention {
 public:
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::chrono::milliseconds kBetweenSlices{50};
  static constexpr int kSlice = 200;  ///< events a partition

  EventRetention(std::chrono::seconds retention, storage::Store& store, const Clock& clock, Scheduler& scheduler);

 private:
  void schedule(std::chrono::milliseconds delay);
  bool remove_slice();

  std::chrono::seconds retention_;
  storage::Store& store_;
  const Clock& clock_;
  Timer timer_;
};

}  // namespace iothub::hub
