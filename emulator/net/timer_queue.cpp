#include "emulator/net/timer_queue.h"

#include <utility>

namespace iothub::net {

TimerQueue::Id TimerQueue::add(Time when, std::function<void()> action) {
  const Id id = ++last_id_;
  actions_.emplace(std::pair(when, id), std::move(action));
  times_.emplace(id, when);
  return id;
}

void TimerQueue::cancel(Id id) {
  const auto found = times_.find(id);
  if (found == times_.end()) return;
  actions_.erase({found->second, id});
  times_.erase(found);
}

std::optional<TimerQueue::Time> TimerQueue::next() const {
  if (actions_.empty()) return std::nullopt;
  return actions_.begin()->first.first;
}

std::function<void()> TimerQueue::take_due(Time now) {
  if (actions_.empty() || actions_.begin()->first.first > now) return {};
  const auto entry = actions_.extract(actions_.begin());
  times_.erase(entry.key().second);
  return std::move(entry.mapped());
}

}  // namespace iothub::net
