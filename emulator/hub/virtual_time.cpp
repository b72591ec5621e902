#include "emulator/hub/virtual_time.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace iothub::hub {
namespace {

constexpr std::int64_t kTicksPerMillisecond = Timestamp::kPerSecond / 1000;

Timestamp plus(Timestamp time, std::chrono::milliseconds by) {
  return {time.ticks + by.count() * kTicksPerMillisecond};
}

}  // namespace

VirtualTime::VirtualTime(const Clock& wall, Scheduler& real) : wall_(wall), real_(real) {}

VirtualTime::~VirtualTime() {
  for (auto& [id, waiting] : waiting_) disarm(waiting);
}

Timestamp VirtualTime::now() const {
  return frozen_at_ ? *frozen_at_ : Timestamp{wall_.now().ticks + offset_ticks_};
}

Scheduler::TimerId VirtualTime::after(std::chrono::milliseconds delay, std::function<void()> action) {
  const TimerId id = ++last_id_;
  Waiting waiting{plus(now(), std::max(delay, std::chrono::milliseconds{0})), std::move(action)};
  if (!frozen_at_ || delay.count() <= 0) waiting.real = real_.after(delay, [this, id] { fire(id); });
  order_.emplace(Place{waiting.due.ticks, id}, id);
  waiting_.emplace(id, std::move(waiting));
  return id;
}

void VirtualTime::cancel(TimerId id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  disarm(found->second);
  order_.erase({found->second.due.ticks, id});
  waiting_.erase(found);
}

void VirtualTime::disarm(Waiting& waiting) {
  if (const auto real = std::exchange(waiting.real, std::nullopt)) real_.cancel(*real);
}

void VirtualTime::fire(TimerId id) {
  auto found = waiting_.extract(id);
  if (found.empty()) return;
  disarm(found.mapped());
  order_.erase({found.mapped().due.ticks, id});
  found.mapped().action();
}

void VirtualTime::run_due(Timestamp until) {
  for (int fired = 0; !order_.empty() && order_.begin()->first.first <= until.ticks; ++fired) {
    if (fired == kMostTimersInOrder) {
      frozen_at_ = until;
      std::vector<TimerId> due;
      for (const auto& [place, id] : order_) {
        if (place.first <= until.ticks) due.push_back(id);
      }
      for (const TimerId id : due) fire(id);
      return;
    }
    frozen_at_ = std::max(*frozen_at_, Timestamp{order_.begin()->first.first});
    fire(order_.begin()->second);
  }
}

/// Frozen for the move, so that each timer that fires on the way sees its own time.
void VirtualTime::move_to(Timestamp time) {
  const bool was_frozen = is_frozen();
  if (!was_frozen) freeze();
  run_due(time);
  frozen_at_ = time;
  if (!was_frozen) resume();
}

void VirtualTime::freeze() {
  if (frozen_at_) return;
  const Timestamp at = now();
  frozen_at_ = at;
  for (auto& [id, waiting] : waiting_) {
    if (waiting.due > at) disarm(waiting);
  }
}

void VirtualTime::resume() {
  if (!frozen_at_) return;
  offset_ticks_ = frozen_at_->ticks - wall_.now().ticks;
  frozen_at_.reset();
  arm_all();
}

void VirtualTime::arm_all() {
  const Timestamp at = now();
  for (const auto& [place, id] : order_) {  // those due at once fire in this order
    Waiting& waiting = waiting_.at(id);
    if (waiting.real) continue;
    const std::int64_t rest = std::max<std::int64_t>(waiting.due.ticks - at.ticks, 0);
    const std::chrono::milliseconds delay{(rest + kTicksPerMillisecond - 1) / kTicksPerMillisecond};
    waiting.real = real_.after(delay, [this, id = id] { fire(id); });
  }
}

void VirtualTime::advance(std::chrono::milliseconds by) {
  if (by.count() > 0) move_to(plus(now(), by));
}

void VirtualTime::set(Timestamp time) {
  const Timestamp at = now();
  if (time >= at) return move_to(time);
  const std::int64_t back = at.ticks - time.ticks;
  std::map<Place, TimerId> order;
  for (auto& [id, waiting] : waiting_) {
    waiting.due.ticks -= back;
    order.emplace(Place{waiting.due.ticks, id}, id);
  }
  order_ = std::move(order);
  if (frozen_at_) {
    frozen_at_ = time;
  } else {
    offset_ticks_ -= back;  // the real timers' rests are right as they are
  }
}

void VirtualTime::follow_wall() {
  if (!frozen_at_) freeze();
  const std::int64_t moved = wall_.now().ticks - frozen_at_->ticks;
  std::map<Place, TimerId> order;
  for (auto& [id, waiting] : waiting_) {
    waiting.due.ticks += moved;
    order.emplace(Place{waiting.due.ticks, id}, id);
  }
  order_ = std::move(order);
  frozen_at_ = wall_.now();
  resume();
}

std::chrono::milliseconds VirtualTime::offset() const {
  return std::chrono::milliseconds{(now().ticks - wall_.now().ticks) / kTicksPerMillisecond};
}

}  // namespace iothub::hub
