#include "emulator/hub/event_retention.h"

#include <doctest/doctest.h>

#include "tests/unit/support/test_hub.h"

using namespace iothub;

namespace {

struct SmallHub : test::TestHub {
  static hub::HubOptions small() {
    hub::HubOptions options = test::TestHub::options({"localhost"});
    options.event_retention_bytes = 100'000;
    return options;
  }
  SmallHub() : test::TestHub(small()) {}

  void send(const std::string& device) {
    const hub::DevicePrincipal from{{{device}}, "637", "{}", std::nullopt};
    const std::string body(1000, 'x');
    REQUIRE(hub.events().append(from, {{}, {}, body}));
    clock.advance(1);
  }
  std::int64_t bytes() {
    std::int64_t total = 0;
    for (int partition = 0; partition < store->partition_count(); ++partition) {
      if (const auto span = store->event_span(partition)) total += span->bytes;
    }
    return total;
  }
  void pass_slices() {
    scheduler.advance(hub::EventRetention::kSizeInterval);
    for (int i = 0; i < 20; ++i) scheduler.advance(hub::EventRetention::kBetweenSlices);
  }
};

}  // namespace

TEST_CASE_FIXTURE(SmallHub, "beyond the size the oldest events go, from whichever partition, and no more than that") {
  create("a");
  create("b");
  const int a = hub.events().partition_of({"a"}), b = hub.events().partition_of({"b"});
  REQUIRE(a != b);
  for (int i = 0; i < 60; ++i) send("a");
  for (int i = 0; i < 60; ++i) send("b");
  const std::int64_t before = bytes();
  const std::int64_t each = before / 120;
  REQUIRE(before > 120'000);
  pass_slices();
  CHECK(bytes() <= 100'000);
  CHECK(bytes() > 100'000 - each);
  CHECK(store->events(b, 0, 1000).size() == 60);
  CHECK(store->events(a, 0, 1000).size() < 60);
  CHECK(store->events(a, 0, 1000).back().sequence_number == 59);
}

TEST_CASE_FIXTURE(test::TestHub, "without a size events stay for their time, however many") {
  create("a");
  const hub::DevicePrincipal from{{{"a"}}, "637", "{}", std::nullopt};
  for (int i = 0; i < 500; ++i) REQUIRE(hub.events().append(from, {{}, {}, std::string(1000, 'x')}));
  clock.advance(23 * 3600);
  scheduler.advance(std::chrono::minutes(5));
  CHECK(store->events(hub.events().partition_of({"a"}), 0, 1000).size() == 500);
}
