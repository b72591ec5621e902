#include "emulator/hub/event_retention.h"

#include <algorithm>

#include "storage/store.h"

namespace iothub::hub {

EventRetention::EventRetention(std::chrono::seconds retention, std::optional<std::int64_t> bytes, storage::Store& store,
                               const Clock& clock, Scheduler& scheduler)
    : retention_(retention), bytes_(bytes), store_(store), clock_(clock), timer_(scheduler) {
  schedule(bytes_ ? kSizeInterval : kInterval);
}

void EventRetention::schedule(std::chrono::milliseconds delay) {
  timer_.set(delay, [this] {
    // Set before the work: a storage::Error must not end the retention for good.
    schedule(bytes_ ? kSizeInterval : kInterval);
    const bool more_expired = remove_expired();
    if (remove_excess() || more_expired) schedule(kBetweenSlices);
  });
}

/// True when more may be waiting. What waits for a route's endpoint has the same time.
bool EventRetention::remove_expired() {
  const Timestamp end = clock_.now().plus_seconds(-retention_.count());
  bool more = store_.remove_outgoing_enqueued_before(end.ticks, kSlice) == kSlice;
  for (int partition = 0; partition < store_.partition_count(); ++partition) {
    more |= store_.remove_events_enqueued_before(partition, end.ticks, kSlice) == kSlice;
  }
  return more;
}

/// Takes from the partition with the oldest event, once a slice.
bool EventRetention::remove_excess() {
  if (!bytes_) return false;
  std::int64_t total = 0;
  int oldest = -1;
  storage::EventSpan of_oldest;
  for (int partition = 0; partition < store_.partition_count(); ++partition) {
    const std::optional<storage::EventSpan> span = store_.event_span(partition);
    if (!span) continue;
    total += span->bytes;
    if (oldest >= 0 && of_oldest.oldest_enqueued_time <= span->oldest_enqueued_time) continue;
    oldest = partition;
    of_oldest = *span;
  }
  if (total <= *bytes_) return false;
  // An event that lies across the mark goes: what is left is not more than the size.
  return store_.remove_events_below(oldest, of_oldest.oldest_offset + (total - *bytes_), kSlice) > 0;
}

}  // namespace iothub::hub
