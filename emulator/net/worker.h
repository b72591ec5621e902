#pragma once
/// The one other thread: what blocks or computes for long runs here, and its end comes back to the loop (docs/adr: one
/// loop, one worker).
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "emulator/net/event_loop.h"

namespace iothub::net {

class Worker {
 public:
  using Job = std::function<void()>;
  /// On the loop's thread, with what the job threw, or null.
  using Done = std::function<void(std::exception_ptr failure)>;

  /// The loop must outlive the worker.
  explicit Worker(EventLoop& loop);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Jobs run one at a time in the order they were posted. A job must not touch what belongs to the loop's thread.
  /// After stop() nothing runs.
  void post(Job job, Done done);

  /// Asked by a job that can end early: requested as soon as stop() is called.
  std::stop_token stopping() const { return stop_.get_token(); }

  /// Waits for the job that runs; the jobs behind it are dropped, and so is its `done` unless the loop still runs.
  void stop();

 private:
  struct Task {
    Job job;
    Done done;
  };
  void work();

  EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::stop_source stop_;
  std::thread thread_;
};

}  // namespace iothub::net
