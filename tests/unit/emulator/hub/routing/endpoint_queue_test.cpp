#include "emulator/hub/routing/endpoint_queue.h"

#include <doctest/doctest.h>

#include <deque>

#include "storage/sqlite_store.h"
#include "tests/unit/support/fake_scheduler.h"

using namespace iothub;
using hub::routing::Delivery;
using hub::routing::EndpointQueue;
using std::chrono::milliseconds;

namespace {

struct Deliveries {
  struct Given {
    std::vector<std::string> bodies;
    std::function<void(Delivery)> done;
  };
  std::deque<Given> given;
  /// Ends the delivery that is under way.
  void end(Delivery delivery) {
    const Given last = given.back();
    last.done(std::move(delivery));
  }
};

class FakeCourier final : public hub::routing::Courier {
 public:
  explicit FakeCourier(Deliveries& deliveries) : deliveries_(deliveries) {}
  void deliver(std::vector<storage::EventRow> events, std::function<void(Delivery)> done) override {
    Deliveries::Given given{{}, std::move(done)};
    for (const auto& event : events) given.bodies.push_back(event.body);
    deliveries_.given.push_back(std::move(given));
  }

 private:
  Deliveries& deliveries_;
};

struct World {
  std::unique_ptr<storage::SqliteStore> store = storage::SqliteStore::in_memory({});
  test::FakeScheduler scheduler;
  Deliveries deliveries;
  std::unique_ptr<EndpointQueue> queue = make();

  std::unique_ptr<EndpointQueue> make() {
    return std::make_unique<EndpointQueue>("hook", *store, scheduler, std::make_unique<FakeCourier>(deliveries));
  }
  void send(const std::string& body) {
    storage::EventRow event;
    event.body = body;
    queue->send(event);
  }
  void pass(milliseconds time) { scheduler.advance(time); }
  std::size_t waiting() { return store->outgoing_events("hook", 1000, 1'000'000).size(); }
};
using Bodies = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(World, "an event leaves after its commit, and is gone from the store once it has arrived") {
  send("1");
  send("2");
  pass(milliseconds{5});
  CHECK(deliveries.given.empty());
  store->commit();
  pass(milliseconds{1});
  REQUIRE(deliveries.given.size() == 1);
  CHECK(deliveries.given[0].bodies == Bodies{"1", "2"});
  send("3");
  store->commit();
  pass(milliseconds{5});
  CHECK(deliveries.given.size() == 1);  // one at a time
  deliveries.end({2, {}});
  store->commit();
  pass(milliseconds{1});
  REQUIRE(deliveries.given.size() == 2);
  CHECK(deliveries.given[1].bodies == Bodies{"3"});
  deliveries.end({1, {}});
  CHECK(waiting() == 0);
}

TEST_CASE_FIXTURE(World, "an endpoint that fails is asked again after 1, 2, 4 s and so on up to a minute") {
  send("1");
  store->commit();
  pass(milliseconds{0});
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    CAPTURE(seconds);
    const std::size_t before = deliveries.given.size();
    deliveries.end({0, "answers 500"});
    pass(std::chrono::seconds{seconds} - milliseconds{1});
    CHECK(deliveries.given.size() == before);
    send("later");  // does not hurry it
    store->commit();
    pass(milliseconds{1});
    CHECK(deliveries.given.size() == before + 1);
  }
  CHECK(deliveries.given.back().bodies.front() == "1");
}

TEST_CASE_FIXTURE(World, "what arrived before a failure is not sent again, and the wait begins anew") {
  for (const char* body : {"1", "2", "3"}) send(body);
  store->commit();
  pass(milliseconds{0});
  deliveries.end({0, "no answer"});
  pass(std::chrono::seconds{1});
  deliveries.end({2, "no answer"});
  store->commit();
  pass(std::chrono::seconds{1});
  REQUIRE(deliveries.given.size() == 3);
  CHECK(deliveries.given[2].bodies == Bodies{"3"});
}

TEST_CASE_FIXTURE(World, "a new process sends what the old one left") {
  send("1");
  store->commit();
  queue.reset();
  queue = make();
  pass(milliseconds{0});
  REQUIRE(deliveries.given.size() == 1);
  CHECK(deliveries.given[0].bodies == Bodies{"1"});
}
