#include "emulator/net/event_loop.h"

#include <spdlog/spdlog.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "storage/store.h"

namespace iothub::net {

namespace asio = boost::asio;

namespace {

/// Slices of many long queries may be due together: sockets get their turn between them.
constexpr std::chrono::milliseconds kMostTimersAtOnce{1};

}  // namespace

RealScheduler::RealScheduler(asio::io_context& io, std::function<void(const std::function<void()>&)> run)
    : timer_(io), run_(std::move(run)) {}

hub::Scheduler::TimerId RealScheduler::after(std::chrono::milliseconds delay, std::function<void()> action) {
  const TimerId id = queue_.add(std::chrono::steady_clock::now() + delay, std::move(action));
  arm();
  return id;
}

void RealScheduler::arm() {
  const auto next = queue_.next();
  // A timer that is set too early finds nothing due and sets itself anew: cheaper than to follow every cancel().
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  armed_for_ = next;
  timer_.expires_at(*next);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) run_due();  // an error means that the timer was set anew
  });
}

void RealScheduler::run_due() {
  armed_for_.reset();
  const auto now = std::chrono::steady_clock::now();
  const auto enough = now + kMostTimersAtOnce;
  while (const auto action = queue_.take_due(now)) {
    run_(action);
    if (std::chrono::steady_clock::now() >= enough) break;
  }
  arm();
}

void RealScheduler::stop() {
  timer_.cancel();
  armed_for_.reset();
}

EventLoop::EventLoop(hub::HubDirectory& hubs)
    : turn_(hubs,
            [this] {
              // At the back of the queue, so that all sockets that are ready now share one commit.
              asio::post(io_, [this] { turn_.finish(); });
            }),
      scheduler_(io_, [this](const std::function<void()>& action) { run_guarded("a timer", action); }),
      read_buffer_(std::size_t{64} * 1024) {}

EventLoop::~EventLoop() {
  scheduler_.stop();
}

void EventLoop::run() {
  const auto work = asio::make_work_guard(io_);
  while (!io_.stopped()) {
    try {
      io_.run();
    } catch (const std::exception& bug) {
      spdlog::critical("a bug in the emulator: {} (it goes on; please report this)", bug.what());
    }
  }
}

void EventLoop::stop() {
  io_.stop();
}

void EventLoop::post(std::function<void()> action) {
  asio::post(io_, [this, action = std::move(action)] { run_guarded("a posted action", action); });
}

void EventLoop::run_guarded(const char* what, const std::function<void()>& action) {
  try {
    action();
  } catch (const storage::Error& error) {
    spdlog::error("{}: the storage failed: {}", what, error.what());
    turn_.fail(nullptr);
  } catch (const std::exception& bug) {
    spdlog::error("{}: a bug in the emulator: {} (please report this)", what, bug.what());
  }
  turn_.request();
}

}  // namespace iothub::net
