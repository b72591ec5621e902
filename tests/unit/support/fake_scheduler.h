#pragma once
/// A scheduler whose time passes only by advance(); due actions run in the order of their times.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>

#include "emulator/hub/clock.h"

namespace iothub::test {

class FakeScheduler final : public hub::Scheduler {
 public:
  TimerId after(std::chrono::milliseconds delay, std::function<void()> action) override {
    const TimerId id = ++last_id_;
    waiting_.emplace(std::pair(now_ + delay, id), std::move(action));
    return id;
  }
  void cancel(TimerId id) override {
    std::erase_if(waiting_, [id](const auto& entry) { return entry.first.second == id; });
  }
  void advance(std::chrono::milliseconds step) {
    const std::chrono::milliseconds until = now_ + step;
    while (!waiting_.empty() && waiting_.begin()->first.first <= until) {
      auto due = waiting_.extract(waiting_.begin());
      now_ = due.key().first;
      due.mapped()();
    }
    now_ = until;
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::chrono::milliseconds now_{0};
  TimerId last_id_ = 0;
  std::map<std::pair<std::chrono::milliseconds, TimerId>, std::function<void()>> waiting_;
};

}  // namespace iothub::test
