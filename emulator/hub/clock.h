#pragma once
/// Time, waiting and chance as the hub sees them: passed in, so that tests and the virtual clock move them by hand.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "protocol/text/timestamp.h"

namespace iothub::hub {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

/// Runs a function once, later, on the hub's thread.
class Scheduler {
 public:
  using TimerId = std::uint64_t;
  virtual ~Scheduler() = default;
  virtual TimerId after(std::chrono::milliseconds delay, std::function<void()> action) = 0;
  /// An id that has fired or was cancelled is ignored.
  virtual void cancel(TimerId id) = 0;
};

/// A scheduled action that ends with its owner: destruction or set() cancels what was set before.
class Timer {
 public:
  explicit Timer(Scheduler& scheduler) : scheduler_(scheduler) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  void set(std::chrono::milliseconds delay, std::function<void()> action) {
    cancel();
    set_ = true;
    id_ = scheduler_.after(delay, [this, action = std::move(action)] {
      set_ = false;
      auto run = action;  // the action may destroy this timer
      run();
    });
  }
  void cancel() {
    if (set_) scheduler_.cancel(id_);
    set_ = false;
  }
  bool is_set() const { return set_; }

 private:
  Scheduler& scheduler_;
  Scheduler::TimerId id_ = 0;
  bool set_ = false;
};

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;
};

}  // namespace iothub::hub
