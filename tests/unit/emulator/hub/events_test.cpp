#include "emulator/hub/events.h"

#include <doctest/doctest.h>

#include "tests/unit/support/test_hub.h"

using namespace iothub;

TEST_CASE_FIXTURE(test::TestHub, "telemetry is stored with its properties and what the hub knows of its sender") {
  create("d");
  const hub::DevicePrincipal from{{{"d"}}, "637", R"({"scope":"device"})", std::nullopt};
  const hub::Telemetry telemetry{{{"message-id", "m1"}}, {{"b", "2"}, {"a", ""}}, "body"};
  REQUIRE(hub.events().append(from, telemetry));
  const auto rows = store->events(hub.events().partition_of({"d"}), 0, 10);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].body == "body");
  CHECK(rows[0].source == "Telemetry");
  CHECK(rows[0].system_properties == R"({"message-id":"m1"})");
  CHECK(rows[0].properties == R"([["b","2"],["a",""]])");
  CHECK(rows[0].enqueued_time == clock.now().ticks);
  CHECK(rows[0].auth_generation_id == "637");
}

TEST_CASE_FIXTURE(test::TestHub, "a message over 256 KB is refused with 413001") {
  create("d");
  const hub::DevicePrincipal from{{{"d"}}, "637", "{}", std::nullopt};
  CHECK(hub.events().append(from, {{}, {}, std::string(256 * 1024, 'x')}));
  CHECK(hub.events().append(from, {{}, {}, std::string(256 * 1024 + 1, 'x')}).error().code ==
        hub::ErrorCode::MessageTooLarge);
}

TEST_CASE_FIXTURE(test::TestHub, "a device always has the same partition, and devices spread over all") {
  std::vector<int> hits(4);
  for (int i = 0; i < 400; ++i)
    ++hits[static_cast<std::size_t>(hub.events().partition_of({"device" + std::to_string(i)}))];
  for (const int n : hits) CHECK(n > 50);
  CHECK(hub.events().partition_of({"device1"}) == hub.events().partition_of({"device1"}));
}
