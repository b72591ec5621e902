#include "emulator/hub/routing/endpoint_queue.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "storage/store.h"

namespace iothub::hub::routing {

EndpointQueue::EndpointQueue(std::string name, storage::Store& store, Scheduler& scheduler,
                             std::unique_ptr<Courier> courier)
    : name_(std::move(name)), store_(store), timer_(scheduler), courier_(std::move(courier)) {
  wake();
}

void EndpointQueue::send(const storage::EventRow& event) {
  store_.append_outgoing(name_, event);
  wake();
}

void EndpointQueue::wake() {
  if (under_way_ || timer_.is_set()) return;
  timer_.set(std::chrono::milliseconds{0}, [this] { send_next(); });
}

void EndpointQueue::send_next() {
  if (store_.has_uncommitted()) {  // only what is acknowledged leaves
    timer_.set(std::chrono::milliseconds{1}, [this] { send_next(); });
    return;
  }
  std::vector<storage::EventRow> events = store_.outgoing_events(name_, kEventsAtOnce, kBytesAtOnce);
  if (events.empty()) return;
  std::vector<std::int64_t> places;
  places.reserve(events.size());
  for (const storage::EventRow& event : events) places.push_back(event.sequence_number);
  under_way_ = true;
  courier_->deliver(std::move(events),
                    [this, places = std::move(places)](const Delivery& delivery) { delivered(places, delivery); });
}

void EndpointQueue::delivered(const std::vector<std::int64_t>& places, const Delivery& delivery) {
  under_way_ = false;
  if (delivery.failure.empty()) {
    if (retry_.count() > 0) spdlog::info("route endpoint '{}' answers again", name_);
    retry_ = std::chrono::milliseconds{0};
  } else {
    if (retry_.count() == 0) {
      spdlog::warn("route endpoint '{}' does not take events, which wait for it: {}", name_, delivery.failure);
    }
    // One that took some of them is alive: the wait begins anew.
    retry_ = delivery.count > 0 || retry_.count() == 0 ? kFirstRetry : std::min(retry_ * 2, kLongestRetry);
  }
  timer_.set(retry_, [this] { send_next(); });  // before the write, whose failure may not end the queue
  if (delivery.count > 0) store_.remove_outgoing(name_, places.at(delivery.count - 1));
}

}  // namespace iothub::hub::routing
