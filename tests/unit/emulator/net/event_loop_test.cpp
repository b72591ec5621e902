#include "emulator/net/event_loop.h"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "storage/store.h"

using namespace iothub;
using namespace std::chrono_literals;

namespace {

struct Loop {
  hub::HubDirectory hubs;
  net::EventLoop loop{hubs};
  std::string ran;
};

struct Member final : net::TurnMember {
  explicit Member(std::string& what_happens) : log(what_happens) {}
  std::string& log;
  hub::Hub* hub() const override { return nullptr; }
  void turn_failed() override { log += "failed "; }
  void seal() override {}
  void write_sealed() override { log += "written "; }
};

}  // namespace

TEST_CASE("a scheduled action runs, a cancelled one does not") {
  Loop l;
  l.loop.scheduler().after(2ms, [&] {
    l.ran += "late ";
    l.loop.stop();
  });
  const auto cancelled = l.loop.scheduler().after(1ms, [&] { l.ran += "cancelled "; });
  l.loop.scheduler().after(0ms, [&] { l.ran += "early "; });
  l.loop.scheduler().cancel(cancelled);
  l.loop.run();
  CHECK(l.ran == "early late ");
}

TEST_CASE("a hub's timer goes with its owner") {
  Loop l;
  {
    hub::Timer timer(l.loop.scheduler());
    timer.set(0ms, [&] { l.ran += "orphan "; });
  }
  l.loop.scheduler().after(1ms, [&] { l.loop.stop(); });
  l.loop.run();
  CHECK(l.ran.empty());
}

TEST_CASE("all that is ready at once shares one turn") {
  Loop l;
  const auto member = std::make_shared<Member>(l.ran);
  l.loop.post([&] {
    l.ran += "first ";
    l.loop.turn().add(member);
  });
  l.loop.post([&] { l.ran += "second "; });
  l.loop.scheduler().after(1ms, [&] { l.loop.stop(); });
  l.loop.run();
  CHECK(l.ran == "first second written ");
}

TEST_CASE("output of a timer's action is written without any socket being ready") {
  Loop l;
  const auto member = std::make_shared<Member>(l.ran);
  l.loop.scheduler().after(0ms, [&] { l.loop.turn().add(member); });
  l.loop.scheduler().after(2ms, [&] { l.loop.stop(); });
  l.loop.run();
  CHECK(l.ran == "written ");
}

TEST_CASE("an action that throws does not end the loop") {
  Loop l;
  l.loop.post([] { throw std::runtime_error("bug"); });
  l.loop.post([] { throw storage::Error("disk full"); });
  l.loop.scheduler().after(0ms, [] { throw std::runtime_error("bug in a timer"); });
  l.loop.scheduler().after(1ms, [&] {
    l.ran += "still here";
    l.loop.stop();
  });
  l.loop.run();
  CHECK(l.ran == "still here");
}
