#include "emulator/net/timer_queue.h"

#include <doctest/doctest.h>

#include <string>

using iothub::net::TimerQueue;
using namespace std::chrono_literals;

namespace {

struct Queue {
  TimerQueue timers;
  std::string ran;
  TimerQueue::Time start{};

  TimerQueue::Id add(std::chrono::milliseconds at, char name) {
    return timers.add(start + at, [this, name] { ran += name; });
  }
  void run_due(std::chrono::milliseconds now) {
    while (const auto action = timers.take_due(start + now)) action();
  }
};

}  // namespace

TEST_CASE("actions run in the order of their times, equal times in the order they were set") {
  Queue queue;
  queue.add(30ms, 'd');
  queue.add(10ms, 'a');
  queue.add(20ms, 'b');
  queue.add(20ms, 'c');
  queue.run_due(40ms);
  CHECK(queue.ran == "abcd");
  CHECK(queue.timers.size() == 0);
  CHECK_FALSE(queue.timers.next().has_value());
}

TEST_CASE("nothing runs before its time") {
  Queue queue;
  queue.add(10ms, 'a');
  queue.add(11ms, 'b');
  queue.run_due(9ms);
  CHECK(queue.ran.empty());
  CHECK(queue.timers.next() == queue.start + 10ms);
  queue.run_due(10ms);
  CHECK(queue.ran == "a");
  CHECK(queue.timers.next() == queue.start + 11ms);
}

TEST_CASE("a cancelled action does not run; cancelling twice or after it ran is harmless") {
  Queue queue;
  const auto a = queue.add(10ms, 'a');
  const auto b = queue.add(10ms, 'b');
  queue.timers.cancel(a);
  queue.timers.cancel(a);
  queue.run_due(10ms);
  queue.timers.cancel(b);
  CHECK(queue.ran == "b");
}

TEST_CASE("an action may set and cancel others while it runs") {
  Queue queue;
  TimerQueue::Id victim = 0;
  queue.timers.add(queue.start + 5ms, [&] {
    queue.ran += 'x';
    queue.timers.cancel(victim);
    queue.add(6ms, 'y');
  });
  victim = queue.add(5ms, 'v');
  queue.run_due(10ms);
  CHECK(queue.ran == "xy");
}

TEST_CASE("ten thousand timers are cancelled in any order") {
  Queue queue;
  std::vector<TimerQueue::Id> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(queue.add(std::chrono::milliseconds((i * 7919) % 10'000), '.'));
  for (std::size_t i = 0; i < ids.size(); i += 2) queue.timers.cancel(ids[i]);
  CHECK(queue.timers.size() == 5'000);
  queue.run_due(10s);
  CHECK(queue.ran.size() == 5'000);
}
