#include "emulator/hub/virtual_time.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/fake_scheduler.h"

using namespace iothub;
using namespace std::chrono_literals;

namespace {

struct Moved {
  test::FakeClock wall;
  test::FakeScheduler real;
  hub::VirtualTime time{wall, real};
  std::string fired{};
  std::vector<Timestamp> at{};

  hub::Scheduler::TimerId after(std::chrono::milliseconds delay, const std::string& name) {
    return time.after(delay, [this, name] {
      fired += name;
      at.push_back(time.now());
    });
  }
  /// Both pass.
  void pass(std::chrono::seconds by) {
    wall.advance(by.count());
    real.advance(by);
  }
};

}  // namespace

TEST_CASE("a hub's time is the machine's until it is moved") {
  Moved moved;
  moved.after(2s, "a");
  CHECK(moved.time.now() == moved.wall.now());
  moved.pass(1s);
  CHECK(moved.fired.empty());
  moved.pass(1s);
  CHECK(moved.fired == "a");
  CHECK(moved.time.offset() == 0ms);
}

TEST_CASE("frozen time stands still, and so does what waits for it; what is due at once runs") {
  Moved moved;
  moved.after(2s, "a");
  moved.pass(1s);
  moved.time.freeze();
  const Timestamp frozen = moved.time.now();
  moved.after(1s, "b");
  moved.after(0ms, "now ");
  moved.pass(100s);
  CHECK(moved.time.now() == frozen);
  CHECK(moved.fired == "now ");
  moved.time.resume();
  CHECK(moved.time.now() == frozen);
  moved.pass(1s);
  CHECK(moved.fired == "now ab");
  CHECK(moved.time.offset() == -100s);
}

TEST_CASE("advancing runs what becomes due, in its order and each at its own time") {
  Moved moved;
  for (const bool frozen : {false, true}) {
    CAPTURE(frozen);
    if (frozen) moved.time.freeze();
    moved.fired.clear();
    moved.at.clear();
    const Timestamp begun = moved.time.now();
    moved.after(3s, "c");
    moved.after(1s, "a");
    moved.time.after(2s, [&moved] {
      moved.fired += "b";
      moved.after(500ms, "+");  // due on the way, too
    });
    moved.after(10s, "z");
    moved.time.advance(5s);
    CHECK(moved.fired == "ab+c");
    CHECK(moved.at == std::vector<Timestamp>{begun.plus_seconds(1),
                                             {begun.ticks + 25 * Timestamp::kPerSecond / 10},
                                             begun.plus_seconds(3)});
    CHECK(moved.time.now() == begun.plus_seconds(5));
    CHECK(moved.time.is_frozen() == frozen);
    moved.time.advance(5s);
    CHECK(moved.fired == "ab+cz");
  }
}

TEST_CASE("after an advance the rest of what waits passes in real time") {
  Moved moved;
  moved.after(10s, "a");
  moved.time.advance(7s);
  moved.pass(2s);
  CHECK(moved.fired.empty());
  moved.pass(1s);
  CHECK(moved.fired == "a");
}

TEST_CASE("time set back takes nothing from what waits") {
  Moved moved;
  for (const bool frozen : {false, true}) {
    CAPTURE(frozen);
    moved.fired.clear();
    if (frozen) moved.time.freeze();
    moved.after(4s, "a");
    moved.time.set(moved.time.now().plus_seconds(-3600));
    CHECK(moved.fired.empty());
    moved.time.advance(3s);
    CHECK(moved.fired.empty());
    moved.time.advance(1s);
    CHECK(moved.fired == "a");
  }
}

TEST_CASE("time that follows the machine's again keeps the rest of what waits") {
  Moved moved;
  moved.time.freeze();
  moved.after(4s, "a");
  moved.time.advance(1h);
  moved.fired.clear();
  moved.after(4s, "b");
  moved.pass(10s);
  moved.time.follow_wall();
  CHECK_FALSE(moved.time.is_frozen());
  CHECK(moved.time.now() == moved.wall.now());
  moved.pass(3s);
  CHECK(moved.fired.empty());
  moved.pass(1s);
  CHECK(moved.fired == "b");
}

TEST_CASE("a cancelled timer fires neither by real time nor by an advance") {
  Moved moved;
  const auto first = moved.after(1s, "a");
  const auto second = moved.after(1s, "b");
  moved.time.cancel(first);
  moved.time.advance(2s);
  CHECK(moved.fired == "b");
  moved.time.cancel(second);
  moved.pass(10s);
  CHECK(moved.fired == "b");
  CHECK(moved.real.waiting() == 0);
}

TEST_CASE("a timer that sets itself anew for ever does not hold an advance up for ever") {
  Moved moved;
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    moved.time.after(1ms, again);
  };
  moved.time.after(1ms, again);
  const Timestamp begun = moved.time.now();
  moved.time.advance(24h);
  CHECK(fired <= hub::VirtualTime::kMostTimersInOrder + 1);
  CHECK(moved.time.now() == begun.plus_seconds(24 * 3600));
}

TEST_CASE("tokens are judged by the machine's time unless the hub's is to rule") {
  Moved moved;
  moved.time.advance(1h);
  CHECK(moved.time.sas_clock().now() == moved.wall.now());
  moved.time.rule_sas_expiry(true);
  CHECK(moved.time.sas_clock().now() == moved.time.now());
}
