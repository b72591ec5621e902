#include "emulator/hub/events.h"

#include <doctest/doctest.h>

#include "emulator/hub/event_retention.h"
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

TEST_CASE_FIXTURE(test::TestHub,
                  "component, interface and model id of telemetry are annotations, not system properties") {
  create("d");
  hub.twins().set_model_id({{"d"}}, "dtmi:com:example:Thermostat;1");
  const hub::DevicePrincipal from{{{"d"}}, "637", "{}", std::nullopt};
  const hub::Telemetry telemetry{
      {{"content-type", "application/json"}, {"iothub-interface-id", "i"}, {"dt-subject", "thermostat1"}}, {}, "{}"};
  REQUIRE(hub.events().append(from, telemetry));
  const auto row = store->events(hub.events().partition_of({"d"}), 0, 1).at(0);
  CHECK(row.annotations ==
        R"({"iothub-interface-id":"i","dt-subject":"thermostat1","dt-dataschema":"dtmi:com:example:Thermostat;1"})");
  CHECK(row.system_properties == R"({"content-type":"application/json"})");
}

TEST_CASE_FIXTURE(test::TestHub,
                  "events are kept for their retention time, and the numbers go on after they are gone") {
  create("d");
  const int partition = hub.events().partition_of({"d"});
  const hub::DevicePrincipal from{{{"d"}}, "637", "{}", std::nullopt};
  for (int i = 0; i < hub::EventRetention::kSlice + 5; ++i) REQUIRE(hub.events().append(from, {{}, {}, "old"}));
  clock.advance(23 * 3600);
  REQUIRE(hub.events().append(from, {{}, {}, "young"}));
  scheduler.advance(hub::EventRetention::kInterval);
  CHECK(store->events(partition, 0, 1000).size() == hub::EventRetention::kSlice + 6);

  clock.advance(2 * 3600);
  scheduler.advance(hub::EventRetention::kInterval);
  CHECK(store->events(partition, 0, 1000).size() == 6);  // one slice
  scheduler.advance(hub::EventRetention::kBetweenSlices);
  const auto rows = store->events(partition, 0, 1000);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].body == "young");

  clock.advance(48 * 3600);
  scheduler.advance(hub::EventRetention::kInterval);
  CHECK(store->events(partition, 0, 1000).empty());
  REQUIRE(hub.events().append(from, {{}, {}, "new"}));
  CHECK(store->events(partition, 0, 1000).at(0).sequence_number == hub::EventRetention::kSlice + 6);
}
