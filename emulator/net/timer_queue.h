#pragma once
/// Actions in the order of their time; what an EventLoop's one timer serves. Steady time, no waiting of its own.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

namespace iothub::net {

class TimerQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Id = std::uint64_t;

  Id add(Time when, std::function<void()> action);
  /// An id that was taken or cancelled is ignored.
  void cancel(Id id);
  /// When the next action is due.
  std::optional<Time> next() const;
  /// Removes and returns the earliest action due at `now`; empty when there is none. Equal times keep the order of
  /// adding.
  std::function<void()> take_due(Time now);
  std::size_t size() const { return actions_.size(); }

 private:
  std::map<std::pair<Time, Id>, std::function<void()>> actions_;
  std::unordered_map<Id, Time> times_;
  Id last_id_ = 0;
};

}  // namespace iothub::net
