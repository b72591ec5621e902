#include "emulator/hub/feedback.h"

#include <doctest/doctest.h>

#include "emulator/hub/json.h"
#include "emulator/hub/observer.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace std::chrono_literals;
using hub::ErrorCode;
using hub::FeedbackStatus;

namespace {

struct World : test::TestHub {
  World() { generation = create("d").row.generation_id; }
  void add(int records, FeedbackStatus status = FeedbackStatus::success) {
    for (int i = 0; i < records; ++i) feedback.add({{"d"}, {}}, "m" + std::to_string(++added), status);
  }
  void advance(std::chrono::seconds step) {
    clock.advance(step.count());
    scheduler.advance(step);
  }
  /// How many records the next batch has; 0: there is none.
  std::size_t receive() {
    const auto batch = feedback.receive();
    if (batch) token = batch->lock_token;
    return batch ? hub::Json::parse(batch->body).size() : 0;
  }

  std::string generation;
  int added = 0;
  std::string token;
  hub::Feedback& feedback = hub.feedback();
};

}  // namespace

TEST_CASE("a record says what became of which message of which device, in this order") {
  World world;
  world.add(1, FeedbackStatus::delivery_count_exceeded);
  world.feedback.add({{"d"}, {}}, "", FeedbackStatus::success);
  world.advance(15s);
  const hub::FeedbackBatch batch = world.feedback.receive().value();
  const std::string about = R"("deviceGenerationId":")" + world.generation + R"(","deviceId":"d",)" +
                            R"("enqueuedTimeUtc":"2026-11-22T02:33:52Z",)";
  CHECK(batch.body == R"([{"originalMessageId":"m1","description":"DeliveryCountExceeded",)" + about +
                          R"("statusCode":"DeliveryCountExceeded"},{"description":"Success",)" + about +
                          R"("statusCode":"Success"}])");
  CHECK(batch.enqueued_time == world.clock.now());
  CHECK(batch.delivery_count == 0);
  CHECK(batch.lock_token.size() == 36);
}

TEST_CASE("records leave 15 s after the first, or 64 at once") {
  World world;
  world.add(1);
  world.advance(10s);
  world.add(1);
  CHECK(world.receive() == 0);
  world.advance(5s);
  CHECK(world.receive() == 2);
  REQUIRE(world.feedback.complete(world.token));

  world.add(65);
  CHECK(world.receive() == 64);
  CHECK(world.receive() == 0);
  world.advance(15s);
  CHECK(world.receive() == 1);
}

TEST_CASE("a batch is locked for a minute, completed or rejected once") {
  for (const bool reject : {false, true}) {
    World world;
    world.add(64);
    REQUIRE(world.receive() == 64);
    const std::string lost = world.token;
    CHECK(world.receive() == 0);
    world.advance(60s);
    CHECK(world.feedback.complete(lost).error().code == ErrorCode::DeviceMessageLockLost);
    REQUIRE(world.receive() == 64);
    CHECK((reject ? world.feedback.reject(world.token) : world.feedback.complete(world.token)));
    CHECK(world.feedback.complete(world.token).error().code == ErrorCode::DeviceMessageLockLost);
    world.advance(60s);
    CHECK(world.receive() == 0);
  }
}

TEST_CASE("an abandoned batch comes again, ten times in all") {
  World world;
  world.add(64);
  for (int i = 0; i < 10; ++i) {
    const auto batch = world.feedback.receive();
    REQUIRE(batch);
    CHECK(batch->delivery_count == i);
    REQUIRE(world.feedback.abandon(batch->lock_token));
  }
  CHECK_FALSE(world.feedback.receive());
}

TEST_CASE("feedback that nobody reads for an hour is gone") {
  World world;
  world.add(64);
  world.advance(3599s);
  world.add(64);
  CHECK(world.store->feedback_batches().size() == 2);
  world.advance(1s);
  world.add(64);
  CHECK(world.store->feedback_batches().size() == 2);  // the oldest went without a reader
  CHECK(world.receive() == 64);
  CHECK(world.receive() == 64);
  CHECK(world.receive() == 0);
}

TEST_CASE("a removed device's records go with it, from batches too") {
  World world;
  world.create("e");
  world.add(63);
  world.feedback.add({{"e"}, {}}, "of e", FeedbackStatus::success);
  world.add(1);
  REQUIRE(world.hub.registry().remove({{"d"}, {}}, hub::IfMatch::any()));
  CHECK(world.receive() == 1);
  world.feedback.add({{"d"}, {}}, "late", FeedbackStatus::success);
  world.advance(15s);
  CHECK(world.receive() == 0);
}

TEST_CASE("a listener hears of every batch that becomes available, until it ends") {
  World world;
  int heard = 0;
  std::size_t taken = 0;
  hub::Feedback::Listener greedy = world.feedback.listen([&] { taken += world.receive(); });
  {
    hub::Feedback::Listener ending;
    ending = world.feedback.listen([&] {
      ++heard;
      ending.stop();
    });
    const auto counting = world.feedback.listen([&] { ++heard; });
    world.add(64);
    CHECK(taken == 64);
    CHECK(heard == 2);
    REQUIRE(world.feedback.complete(world.token));
    world.add(1);
    CHECK(heard == 2);
    world.advance(15s);
    CHECK(taken == 65);
    CHECK(heard == 3);
    world.advance(60s);  // the lock ends
    CHECK(taken == 66);
    CHECK(heard == 4);
    REQUIRE(world.feedback.abandon(world.token));
    CHECK(taken == 67);
    CHECK(heard == 5);
  }
  greedy = {};
  world.advance(60s);
  CHECK(taken == 67);
  CHECK(heard == 5);
}

TEST_CASE("after a roll-back no lock holds") {
  World world;
  world.add(64);
  REQUIRE(world.hub.commit());
  REQUIRE(world.receive() == 64);
  REQUIRE(world.feedback.complete(world.token));
  world.hub.roll_back();
  CHECK(world.receive() == 64);
}

TEST_CASE("a look shows what nobody has settled, newest first, and locks nothing") {
  World world;
  const auto looked = [&](std::size_t limit) {
    std::string all;
    for (const hub::WaitingFeedback& each : world.feedback.look(limit)) {
      const hub::Json record = hub::Json::parse(each.record);
      all += record.at("originalMessageId").get<std::string>() + " " + std::string(to_string(each.state)) + " " +
             std::to_string(each.delivery_count) + ", ";
    }
    return all;
  };
  CHECK(looked(10).empty());
  world.add(1);
  CHECK(looked(10) == "m1 collecting 0, ");
  world.advance(15s);
  CHECK(looked(10) == "m1 available 0, ");
  world.add(2, FeedbackStatus::expired);
  CHECK(looked(10) == "m3 collecting 0, m2 collecting 0, m1 available 0, ");
  CHECK(looked(2) == "m3 collecting 0, m2 collecting 0, ");
  CHECK(world.receive() == 1);  // looking has taken nothing
  CHECK(looked(10) == "m3 collecting 0, m2 collecting 0, m1 locked 0, ");
  REQUIRE(world.feedback.abandon(world.token));
  CHECK(looked(10) == "m3 collecting 0, m2 collecting 0, m1 available 1, ");
  CHECK(world.receive() == 1);
  REQUIRE(world.feedback.complete(world.token));
  CHECK(looked(10) == "m3 collecting 0, m2 collecting 0, ");
}

TEST_CASE("observers are told each record as it comes, whoever reads the batches") {
  World world;
  std::string told;
  const auto listener = world.hub.observers().listen([&](const hub::Happened& happened) {
    if (happened.what == hub::Happening::feedback) told += happened.identity.name() + std::string(happened.detail);
  });
  world.add(1, FeedbackStatus::rejected);
  CHECK(told == R"(d{"originalMessageId":"m1","description":"Rejected","deviceGenerationId":")" + world.generation +
                    R"(","deviceId":"d","enqueuedTimeUtc":"2026-11-22T02:33:52Z","statusCode":"Rejected"})");
  world.advance(15s);
  CHECK(world.receive() == 1);
}
