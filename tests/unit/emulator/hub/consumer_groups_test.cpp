#include "emulator/hub/consumer_groups.h"

#include <doctest/doctest.h>

#include "emulator/hub/event_reader.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using Names = std::vector<std::string>;

TEST_CASE_FIXTURE(test::TestHub, "$Default is always there; others are kept by name, in any case") {
  hub::ConsumerGroups& groups = hub.events().consumer_groups();
  CHECK(groups.list() == Names{"$Default"});
  REQUIRE(groups.add("Storage"));
  REQUIRE(groups.add("alerts-2"));
  REQUIRE(groups.add("STORAGE"));
  CHECK(groups.list() == Names{"$Default", "alerts-2", "Storage"});
  CHECK(groups.contains("storage"));
  CHECK(groups.contains("$default"));
  CHECK_FALSE(groups.contains("other"));
  CHECK(groups.remove("storage").value());
  CHECK_FALSE(groups.remove("storage").value());
  CHECK(groups.list() == Names{"$Default", "alerts-2"});
  CHECK(groups.remove("$Default").error().code == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(test::TestHub, "a name is 1 to 50 letters, digits, dots, hyphens and underscores; a hub has 20") {
  hub::ConsumerGroups& groups = hub.events().consumer_groups();
  for (const std::string name : {"", "-a", "a.", "a b", "a/b", "$other", "\xc3\xa9"}) {
    CAPTURE(name);
    CHECK_FALSE(groups.add(name));
  }
  CHECK(groups.add(std::string(50, 'a')));
  CHECK_FALSE(groups.add(std::string(51, 'a')));
  for (int i = 3; i <= 20; ++i) REQUIRE(groups.add("g" + std::to_string(i)));
  CHECK_FALSE(groups.add("g21"));
  CHECK(groups.add("g20"));
}

TEST_CASE_FIXTURE(test::TestHub, "the readers of a group that is removed end, those of others stay") {
  REQUIRE(hub.events().consumer_groups().add("Mine"));
  std::vector<std::string> ended;
  const auto claim = [&](const char* group, const char* name) {
    return hub.event_reader().claim(group, 0, std::nullopt, [&ended, name](hub::ClaimEnd how) {
      if (how == hub::ClaimEnd::group_removed) ended.emplace_back(name);
    });
  };
  const auto first = claim("mine", "first"), second = claim("mine", "second"), other = claim("$default", "other");
  REQUIRE(hub.events().consumer_groups().remove("MINE"));
  CHECK(ended == Names{"first", "second"});
}
