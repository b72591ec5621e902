#include "emulator/hub/observer.h"

#include <doctest/doctest.h>

#include <string>

#include "emulator/hub/c2d.h"
#include "emulator/hub/events.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/refusals.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub;
using iothub::test::TestHub;

namespace {

struct Watched {
  TestHub hub;
  std::string told{};
  Observers::Listener listener = hub.hub.observers().listen([this](const Happened& happened) {
    told += std::string(name_of(happened.what)) + "(" + happened.identity.name() + ") ";
    last_detail = happened.detail;
  });
  std::string last_detail{};
};

}  // namespace

TEST_CASE("a hub tells what happens to an identity, its twin and its messages") {
  Watched watched;
  Hub& hub = watched.hub.hub;
  watched.hub.create("d");
  REQUIRE(hub.events().append({{{"d"}}, {}, {}, {}}, {{}, {{"a", "1"}}, R"({"t":1})"}));
  CHECK(watched.last_detail == R"({"bytes":7,"properties":{"a":"1"},"body":{"t":1}})");
  REQUIRE(hub.events().append({{{"d"}}, {}, {}, {}}, {{}, {}, "no JSON: \u00fc"}));
  CHECK(watched.last_detail == "{\"bytes\":11,\"body\":\"no JSON: \u00fc\"}");
  REQUIRE(hub.events().append({{{"d"}}, {}, {}, {}}, {{}, {}, "\xff\x01"}));
  CHECK(watched.last_detail == R"({"bytes":2,"bodyBase64":"/wE="})");
  REQUIRE(hub.events().append({{{"d"}}, {}, {}, {}}, {{}, {}, std::string(4097, 'x')}));
  CHECK(watched.last_detail == R"({"bytes":4097})");
  REQUIRE(hub.twins().patch({{"d"}}, {{"tags", {{"x", 1}}}}, IfMatch::none()));
  CHECK(Json::parse(watched.last_detail).at("tags") == Json{{"x", 1}});
  C2dMessage message;
  message.message_id = "m";
  REQUIRE(hub.c2d().send({{"d"}}, std::move(message)));
  const auto received = hub.c2d().receive({{"d"}});
  REQUIRE(received);
  REQUIRE(hub.c2d().complete({{"d"}}, received->lock_token));
  REQUIRE(hub.registry().remove({{"d"}}, IfMatch::any()));
  CHECK(watched.told ==
        "identity-created(d) telemetry(d) telemetry(d) telemetry(d) telemetry(d) twin-updated(d) c2d-enqueued(d) "
        "c2d-delivered(d) c2d-completed(d) "
        "identity-deleted(d) ");
}

TEST_CASE("happenings are counted whether somebody listens or not") {
  TestHub hub;
  hub.create("a");
  hub.create("b");
  CHECK(hub.hub.observers().count(Happening::identity_created) == 2);
  CHECK(hub.hub.observers().count(Happening::identity_deleted) == 0);
}

TEST_CASE("a listener that is gone is told nothing") {
  Watched watched;
  watched.hub.create("a");
  watched.listener.stop();
  watched.hub.create("b");
  CHECK(watched.told == "identity-created(a) ");
}

TEST_CASE("refusals are kept with a hint, the oldest go first, and observers are told") {
  Watched watched;
  Refusals& refusals = watched.hub.hub.refusals();
  refusals.note("http", "d", "get device twin", device_not_found({"d"}));
  CHECK(watched.told == "refused(d) ");
  CHECK(refusals.all().front().code == 404001);
  CHECK(refusals.all().front().hint.find("create the device first") == 0);
  for (std::size_t i = 0; i < Refusals::kKept; ++i) refusals.note("mqtt", "e/m", "connect", "wrong");
  CHECK(refusals.all().size() == Refusals::kKept);
  CHECK(refusals.all().front().who == "e/m");
}

TEST_CASE("a fault rule strikes what fits it, as often as it may") {
  TestHub hub;
  FaultRules& rules = hub.hub.fault_rules();
  CHECK(rules.strike("mqtt", "d", "telemetry") == nullptr);
  FaultRule rule;
  rule.device = "d";
  rule.operation = "telemetry";
  rule.action = FaultRule::Action::drop;
  rule.count = 2;
  const std::uint64_t id = rules.add(rule);
  CHECK(rules.strike("mqtt", "other", "telemetry") == nullptr);
  CHECK(rules.strike("mqtt", "d", "twin") == nullptr);
  REQUIRE(rules.strike("mqtt", "d", "telemetry") != nullptr);
  CHECK(rules.strike("amqp", "d", "telemetry")->id == id);
  CHECK(rules.strike("mqtt", "d", "telemetry") == nullptr);
  CHECK(rules.all().front().struck == 2);
  CHECK(hub.hub.observers().count(Happening::fault) == 2);
  CHECK(rules.remove(id));
  CHECK_FALSE(rules.remove(id));
}

TEST_CASE("a rule with a probability strikes about so often") {
  TestHub hub;
  FaultRule rule;
  rule.probability = 0.25;
  hub.hub.fault_rules().add(rule);
  int struck = 0;
  for (int i = 0; i < 1000; ++i) struck += hub.hub.fault_rules().strike("http", "d", "twin") != nullptr ? 1 : 0;
  CHECK(struck > 180);
  CHECK(struck < 320);
}
