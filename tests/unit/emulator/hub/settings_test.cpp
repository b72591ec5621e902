#include "emulator/hub/settings.h"

#include <doctest/doctest.h>

#include "emulator/hub/auth.h"
#include "emulator/hub/routing/routing.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::test;

namespace {

constexpr const char* kKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
constexpr const char* kRouting =
    R"({"routes":[{"name":"r","source":"DeviceMessages","condition":"true","endpointNames":["events"]}]})";

}  // namespace

TEST_CASE("policies and routing that were set are there again after a restart") {
  TestHub test;
  REQUIRE(test.hub.settings().put_policy({"mine", hub::Rights::registry_read, kKey, kKey}));
  REQUIRE(test.hub.settings().put_policy({"SERVICE", hub::Rights::device_connect, kKey, kKey}));
  REQUIRE(test.hub.settings().put_routing(kRouting));
  REQUIRE(test.hub.commit());
  hub::Hub again(TestHub::options({"localhost"}), *test.store, test.clock, test.scheduler, test.random);
  for (hub::Hub* each : {&test.hub, &again}) {
    CHECK(each->auth().policies().size() == 6);
    CHECK(each->auth().policy("mine")->primary_key == kKey);
    CHECK(each->auth().policy("service")->rights == hub::Rights::device_connect);
    CHECK(each->routing().text() == kRouting);
  }
}

TEST_CASE("settings of a transaction that is lost are as they were") {
  TestHub test;
  REQUIRE(test.hub.settings().put_policy({"mine", hub::Rights::registry_read, kKey, kKey}));
  REQUIRE(test.hub.settings().put_routing(kRouting));
  test.hub.roll_back();
  CHECK(test.hub.auth().policy("mine") == nullptr);
  CHECK(test.hub.routing().text().empty());
}

TEST_CASE("settings that cannot be are refused") {
  TestHub test;
  CHECK_FALSE(test.hub.settings().put_policy({"a b", hub::Rights::registry_read, kKey, kKey}));
  CHECK_FALSE(test.hub.settings().put_policy({"p", hub::Rights::registry_read, "c2hvcnQ=", kKey}));
  CHECK_FALSE(test.hub.settings().put_device_ca("ca", "no certificate"));
  CHECK_FALSE(test.hub.settings().put_routing("{}}"));
  CHECK_FALSE(test.hub.settings().put_routing(R"({"endpoints":[{"name":"f","type":"file","path":"f"}]})"));
  CHECK(test.hub.routing().text().empty());
  CHECK(test.hub.settings().device_cas().empty());
}

TEST_CASE("what an attempt wrote is undone when it fails, its caches too") {
  TestHub test;
  test.create("before");
  CHECK_FALSE(test.hub.attempt(hub::Hub::LinksAre::hidden, [&] {
    test.create("within");
    CHECK(test.hub.registry().get({{"within"}}));
    return false;
  }));
  CHECK(test.hub.registry().find({{"within"}}) == nullptr);
  CHECK(test.hub.registry().find({{"before"}}) != nullptr);
  CHECK(test.hub.attempt(hub::Hub::LinksAre::shown, [&] {
    test.create("kept");
    return true;
  }));
  CHECK(test.hub.commit());
  CHECK(test.hub.registry().find({{"kept"}}) != nullptr);
}
