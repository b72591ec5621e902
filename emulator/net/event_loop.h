#pragma once
/// The one thread that everything but the worker runs on: sockets, timers, and the end of each turn.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/directory.h"
#include "emulator/net/system_sources.h"
#include "emulator/net/timer_queue.h"
#include "emulator/net/turn.h"

namespace iothub::net {

/// Real steady time over one timer of the loop, however many actions wait.
class RealScheduler final : public hub::Scheduler {
 public:
  /// `run` is given each due action.
  RealScheduler(boost::asio::io_context& io, std::function<void(const std::function<void()>&)> run);

  TimerId after(std::chrono::milliseconds delay, std::function<void()> action) override;
  void cancel(TimerId id) override { queue_.cancel(id); }
  void stop();

 private:
  void arm();
  void run_due();

  TimerQueue queue_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  std::function<void(const std::function<void()>&)> run_;
  std::optional<TimerQueue::Time> armed_for_;
};

class EventLoop {
 public:
  /// The directory may be filled later: hubs need this loop's scheduler.
  explicit EventLoop(hub::HubDirectory& hubs);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Runs until stop(). An exception that no connection caught is logged, and the loop goes on.
  void run();
  /// From the loop's thread or before run(). What is ready then may not run any more.
  void stop();

  /// Runs `action` on the loop, later, as a part of a turn. The only member that other threads may call.
  void post(std::function<void()> action);

  /// Runs `action` now: a storage::Error fails the turn, another exception is logged; a turn's end follows. `what`
  /// names it in the log.
  void run_guarded(const char* what, const std::function<void()>& action);

  hub::Scheduler& scheduler() { return scheduler_; }
  const hub::Clock& wall_clock() const { return wall_clock_; }
  Turn& turn() { return turn_; }
  boost::asio::io_context& io() { return io_; }
  /// 64 KiB that any connection may read into, for as long as its handler runs.
  std::span<std::byte> read_buffer() { return read_buffer_; }

 private:
  boost::asio::io_context io_{1};
  SystemClock wall_clock_;
  Turn turn_;
  RealScheduler scheduler_;
  std::vector<std::byte> read_buffer_;
};

}  // namespace iothub::net
