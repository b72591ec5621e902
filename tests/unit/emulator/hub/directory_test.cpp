#include "emulator/hub/directory.h"

#include <doctest/doctest.h>

#include "tests/unit/support/test_hub.h"

using namespace iothub;

TEST_CASE("a hub is found by any of its names or a loopback address, and a typo finds none") {
  test::TestHub one({"hub-a.local", "alias"});
  hub::HubDirectory directory;
  directory.add(one.hub);
  for (const char* name :
       {"hub-a.local", "HUB-A.local:8883", "alias", "localhost", "127.0.0.1", "[::1]:443", "::1", "hub-a.local."}) {
    CAPTURE(name);
    CHECK(directory.find(name) == &one.hub);
  }
  for (const char* name : {"hub-b.local", "", "hub-a", "127.0.0.1.evil.example"}) {
    CAPTURE(name);
    CHECK(directory.find(name) == nullptr);
  }
  CHECK(one.hub.short_name() == "hub-a");
  CHECK(test::TestHub({"127.0.0.1"}).hub.short_name() == "127.0.0.1");
}

TEST_CASE("a loopback address that is a hub's name means that hub, any other the first one") {
  test::TestHub one;
  test::TestHub two({"127.0.0.5"});
  test::TestHub three({"other"});
  hub::HubDirectory directory;
  for (test::TestHub* each : {&one, &two, &three}) directory.add(each->hub);
  CHECK(directory.find("127.0.0.5:443") == &two.hub);
  CHECK(directory.find("127.0.0.6") == &one.hub);
  CHECK(directory.find("other:8883") == &three.hub);
  CHECK(directory.named("OTHER:443") == &three.hub);
  CHECK(directory.named("127.0.0.5") == &two.hub);
  CHECK(directory.named("127.0.0.6") == nullptr);  // free for a hub of its own
  directory.remove(two.hub);
  CHECK(directory.named("127.0.0.5") == nullptr);
  CHECK(directory.find("127.0.0.5") == &one.hub);
  CHECK(directory.find_or_default("nobody") == &one.hub);
}
