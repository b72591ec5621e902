#include "emulator/hub/throttle.h"

#include <doctest/doctest.h>

#include "emulator/hub/c2d.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::Operation;
using hub::Tier;

namespace {

struct SizedHub : test::TestHub {
  explicit SizedHub(Tier tier, int units = 1) : TestHub(sized(tier, units)) {}
  static hub::HubOptions sized(Tier tier, int units) {
    hub::HubOptions options = TestHub::options({"localhost"});
    options.size = hub::HubSize{tier, units};
    return options;
  }

  hub::Throttle& throttle() { return hub.throttle(); }
  /// How many pass at once, before the first refusal; at most `most`.
  int burst(Operation operation, int most = 1'000'000) {
    for (int passed = 0; passed < most; ++passed) {
      if (const auto admitted = throttle().admit(operation); !admitted) {
        CHECK(admitted.error().code == ErrorCode::ThrottlingException);
        return passed;
      }
    }
    return most;
  }
};

}  // namespace

TEST_CASE("without a tier nothing is throttled or counted") {
  test::TestHub world;
  for (int i = 0; i < 10'000; ++i) REQUIRE(world.hub.throttle().admit(Operation::configuration_write));
  world.hub.throttle().charge(1'000'000'000);
  CHECK(world.hub.throttle().admit(Operation::d2c_send));
}

TEST_CASE("tiers are named in any case, and the free one by its word") {
  CHECK(hub::tier_of("s3") == Tier::s3);
  CHECK(hub::tier_of("B2") == Tier::b2);
  CHECK(hub::tier_of("Free") == Tier::f1);
  CHECK_FALSE(hub::tier_of("S4"));
}

TEST_CASE("a minute's operations pass at once, and the next as the rate gives them back") {
  SizedHub world(Tier::s1);
  CHECK(world.burst(Operation::registry_write) == 100);
  world.clock.advance(3);  // 1.67 a second
  CHECK(world.burst(Operation::registry_read) == 5);
  world.clock.advance(3600);
  CHECK(world.burst(Operation::registry_write) == 100);
  CHECK(world.burst(Operation::query) == 20);  // another rate
}

TEST_CASE("twice the allowed rate passes for a minute: the documentation's example of traffic shaping") {
  SizedHub world(Tier::s1);
  int seconds = 0;
  while (world.burst(Operation::d2c_send, 200) == 200) {
    world.clock.advance(1);
    ++seconds;
  }
  CHECK(seconds >= 58);
  CHECK(seconds <= 61);
}

TEST_CASE("rates grow with tier and units as documented") {
  CHECK(SizedHub(Tier::s1, 2).burst(Operation::d2c_send) == 100 * 60);
  CHECK(SizedHub(Tier::s1, 9).burst(Operation::d2c_send) == 108 * 60);
  CHECK(SizedHub(Tier::s2, 2).burst(Operation::connection) == 240 * 60);
  CHECK(SizedHub(Tier::s3).burst(Operation::registry_read) == 5000);
  CHECK(SizedHub(Tier::s1, 5).burst(Operation::twin_write) == 50 * 60);
  CHECK(SizedHub(Tier::s2, 20).burst(Operation::twin_read) == 200 * 60);
  CHECK(SizedHub(Tier::s3, 2).burst(Operation::configuration_write) == 40);
}

TEST_CASE("a method counts by 4 KB of its payload") {
  SizedHub world(Tier::s1);
  int passed = 0;
  while (world.throttle().admit(Operation::direct_method, 5000)) ++passed;
  CHECK(passed == 160 / 8 * 60);
}

TEST_CASE("a clock that is set back holds nobody longer than a minute") {
  SizedHub world(Tier::s1);
  CHECK(world.burst(Operation::query) == 20);
  world.clock.advance(-86'400);
  CHECK_FALSE(world.throttle().admit(Operation::query));
  world.clock.advance(60);
  CHECK(world.burst(Operation::query) == 20);
}

TEST_CASE("a basic tier refuses what it does not have with 403010") {
  SizedHub world(Tier::b1);
  for (const Operation operation : {Operation::c2d_send, Operation::direct_method, Operation::twin_read,
                                    Operation::job_write, Operation::configuration_read}) {
    CHECK(world.throttle().admit(operation).error().code == ErrorCode::OperationNotAvailableInCurrentTier);
  }
  CHECK(world.throttle().admit(Operation::d2c_send));
  CHECK(world.throttle().admit(Operation::registry_write));
}

TEST_CASE("the day's messages count by 4 KB, by 0.5 KB in the free tier, and end with 403002 until the next UTC day") {
  SizedHub world(Tier::f1);
  world.create("d");
  const hub::DevicePrincipal from{{{"d"}}, "637", "{}", std::nullopt};
  const std::string body(513, 'x');
  for (int i = 0; i < 3999; ++i) {
    REQUIRE(world.hub.events().append(from, {{}, {}, body}));
    if (i % 100 == 0) world.clock.advance(1);
  }
  world.throttle().charge(0);
  REQUIRE(world.throttle().admit(Operation::d2c_send));
  world.throttle().charge(512);
  const auto refused = world.hub.events().append(from, {{}, {}, body});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::IotHubQuotaExceeded);
  CHECK(refused.error().message.find("Max allowed message count : '8000', current message count : '8000'") !=
        std::string::npos);
  hub::C2dMessage command;
  command.body = "x";
  CHECK(world.hub.c2d().send({{"d"}}, command).error().code == ErrorCode::IotHubQuotaExceeded);
  CHECK(world.throttle().admit(Operation::twin_read).error().code == ErrorCode::IotHubQuotaExceeded);
  CHECK(world.throttle().admit(Operation::registry_read));  // not a message

  world.clock.advance(24 * 3600);
  CHECK(world.hub.events().append(from, {{}, {}, body}));
}

TEST_CASE("the count of the day is committed with what it counts, and rolled back with it") {
  SizedHub world(Tier::f1);
  world.create("d");
  REQUIRE(world.hub.commit());
  for (int i = 0; i < 8000; ++i) world.throttle().charge(1);
  REQUIRE(world.hub.commit());
  hub::Throttle next_start(hub::HubSize{Tier::f1, 1}, "localhost", *world.store, world.clock);
  CHECK(next_start.admit(Operation::d2c_send).error().code == ErrorCode::IotHubQuotaExceeded);

  world.clock.advance(24 * 3600);
  for (int i = 0; i < 8000; ++i) world.throttle().charge(1);
  CHECK_FALSE(world.throttle().admit(Operation::d2c_send));
  world.hub.roll_back();
  CHECK(world.throttle().admit(Operation::d2c_send));
}

TEST_CASE("a job waits for its devices' rate instead of failing") {
  SizedHub world(Tier::s1);
  for (int i = 0; i < 620; ++i) world.create("d" + std::to_string(i));
  REQUIRE(world.hub.jobs().create(
      "j", {{"type", "scheduleUpdateTwin"}, {"queryCondition", "*"}, {"updateTwin", {{"tags", {{"a", 1}}}}}}));
  const auto patched = [&] {
    int count = 0;
    for (int i = 0; i < 620; ++i) {
      if (world.hub.twins().get({{"d" + std::to_string(i)}}).value().twin->tags.contains("a")) ++count;
    }
    return count;
  };
  world.scheduler.advance(std::chrono::milliseconds{1});
  CHECK(patched() == 600);
  CHECK(world.hub.jobs().get("j")["status"] == "running");
  for (int second = 0; second < 3; ++second) {
    world.clock.advance(1);
    world.scheduler.advance(std::chrono::seconds{1});
  }
  CHECK(patched() == 620);
  CHECK(world.hub.jobs().get("j")["status"] == "completed");
}
