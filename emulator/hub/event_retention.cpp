#include "emulator/hub/event_retention.h"

#include "storage/store.h"

namespace iothub::hub {

EventRetention::EventRetention(std::chrono::seconds retention, storage::Store& store, const Clock& clock,
                               Scheduler& scheduler)
    : retention_(retention), store_(store), clock_(clock), timer_(scheduler) {
  schedule(kInterval);
}

void EventRetention::schedule(std::chrono::milliseconds delay) {
  timer_.set(delay, [this] {
    // Set before the work: a storage::Error must not end the retention for good.
    schedule(kInterval);
    if (remove_slice()) schedule(kBetweenSlices);
  });
}

/// True when more may be waiting.
bool EventRetention::remove_slice() {
  const Timestamp end = clock_.now().plus_seconds(-retention_.count());
  bool more = false;
  for (int partition = 0; partition < store_.partition_count(); ++partition) {
    more |= store_.remove_events_enqueued_before(partition, end.ticks, kSlice) == kSlice;
  }
  return more;
}

}  // namespace iothub::hub
