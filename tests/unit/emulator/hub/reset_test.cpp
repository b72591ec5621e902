#include "emulator/hub/reset.h"

#include <doctest/doctest.h>

#include <string>

#include "emulator/hub/c2d.h"
#include "emulator/hub/event_reader.h"
#include "emulator/hub/events.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub;
using iothub::test::TestHub;

namespace {

struct FakeLink final : DeviceLink {
  void desired_changed(const DesiredChange& change) override { desired += change.payload; }
  bool invoke_method(const MethodRequest&) override { return false; }
  void close(LinkEnd end) override { closed = std::string(to_string(end)); }
  std::string desired{};
  std::string closed{};
};

/// Two devices with everything; `connected` has a link.
struct Filled {
  Filled() {
    for (const char* device : {"connected", "other"}) {
      test.create(device);
      test.create(device, "m");
      REQUIRE(hub.twins().patch({{device}}, {{"properties", {{"desired", {{"a", 1}}}}}}, IfMatch::none()));
      REQUIRE(hub.events().append({{{device}}, {}, {}, {}}, {{}, {}, "1"}));
      REQUIRE(hub.c2d().send({{device}}, {}));
    }
    key = hub.registry().get({{"connected"}})->row.primary_key.value();
    attachment = hub.links().attach({{"connected"}}, link);
    hub.sessions().save({{"connected"}}, "subscriptions");
    hub.commit_now();
    link.desired.clear();
  }
  std::int64_t events() {
    std::int64_t count = 0;
    for (int partition = 0; partition < hub.event_reader().partition_count(); ++partition) {
      count += static_cast<std::int64_t>(hub.event_reader().read(partition, 0, 100).size());
    }
    return count;
  }
  bool exists(const std::string& device, const std::string& module = {}) {
    return hub.registry().get({{device}, {module}}).has_value();
  }

  TestHub test;
  Hub& hub = test.hub;
  FakeLink link;
  std::string key;
  Links::Attachment attachment;
};

}  // namespace

TEST_CASE("a hub that is reset is as new, and its links are closed") {
  Filled filled;
  reset_hub(filled.hub, *filled.test.store, ResetLinks::drop);
  CHECK(filled.link.closed == "the control API reset the hub or the device");
  CHECK(filled.hub.registry().device_counts().total == 0);
  CHECK(filled.events() == 0);
  filled.test.create("connected");
  CHECK(filled.hub.c2d().count({{"connected"}}) == 0);
  REQUIRE(filled.hub.events().append({{{"connected"}}, {}, {}, {}}, {{}, {}, "1"}));
  const int partition = filled.hub.events().partition_of({"connected"});
  CHECK(filled.hub.event_reader().read(partition, 0, 10).front().sequence_number == 0);
}

TEST_CASE("links that a reset keeps go on, with their identity, key, subscriptions and a new twin") {
  Filled filled;
  reset_hub(filled.hub, *filled.test.store, ResetLinks::keep);
  CHECK(filled.link.closed.empty());
  CHECK(filled.link.desired == R"({"a":null,"$version":1})");
  CHECK(filled.exists("connected"));
  CHECK_FALSE(filled.exists("connected", "m"));
  CHECK_FALSE(filled.exists("other"));
  CHECK(filled.hub.registry().get({{"connected"}})->row.primary_key == filled.key);
  CHECK(filled.hub.sessions().load({{"connected"}}) == "subscriptions");
  CHECK(filled.hub.twins().get({{"connected"}})->twin->desired.version == 1);
  CHECK(filled.hub.c2d().count({{"connected"}}) == 0);
  CHECK(filled.events() == 0);
}

TEST_CASE("events are counted on where links are kept, for their readers' places stay good") {
  Filled filled;
  const int partition = filled.hub.events().partition_of({"connected"});
  const std::int64_t next = filled.test.store->next_sequence_number(partition);
  reset_hub(filled.hub, *filled.test.store, ResetLinks::keep);
  CHECK(filled.test.store->next_sequence_number(partition) == next);
}

TEST_CASE("a device that is reset keeps its identity and its modules', and others keep everything") {
  Filled filled;
  REQUIRE(reset_device(filled.hub, *filled.test.store, {"connected"}, ResetLinks::drop));
  CHECK_FALSE(filled.link.closed.empty());
  CHECK(filled.exists("connected"));
  CHECK(filled.exists("connected", "m"));
  CHECK(filled.hub.registry().get({{"connected"}})->row.primary_key == filled.key);
  CHECK(filled.hub.twins().get({{"connected"}})->twin->desired.values == Json::object());
  CHECK_FALSE(filled.hub.sessions().load({{"connected"}}));
  CHECK(filled.hub.c2d().count({{"connected"}}) == 0);
  CHECK(filled.hub.c2d().count({{"other"}}) == 1);
  CHECK(filled.hub.twins().get({{"other"}})->twin->desired.values == Json{{"a", 1}});
  CHECK(filled.events() == 2);  // its twin change and its telemetry
}

TEST_CASE("the modules of a device that is reset stay in the order in which they were made") {
  TestHub test;
  test.create("d");
  for (const char* module : {"z", "a", "m"}) test.create("d", module);
  REQUIRE(reset_device(test.hub, *test.store, {"d"}, ResetLinks::drop));
  std::string order;
  for (const storage::IdentityRow& module : test.store->modules("d")) order += module.module_id;
  CHECK(order == "zam");
}

TEST_CASE("a device's kept link is told that its desired properties are gone") {
  Filled filled;
  REQUIRE(reset_device(filled.hub, *filled.test.store, {"connected"}, ResetLinks::keep));
  CHECK(filled.link.closed.empty());
  CHECK(filled.link.desired == R"({"a":null,"$version":1})");
  CHECK(filled.hub.sessions().load({{"connected"}}) == "subscriptions");
  CHECK_FALSE(reset_device(filled.hub, *filled.test.store, {"stranger"}, ResetLinks::keep));
}
