#include "emulator/hub/query/queries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "emulator/hub/twin_json.h"
#include "protocol/text/base64.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub::query;
using hub::ErrorCode;
using hub::Json;

namespace {

/// A page whose items are read.
struct ReadPage {
  Json items;
  std::string item_type;
  std::optional<std::string> continuation;
};

struct Fixture : test::TestHub {
  Queries queries{*store, hub.links()};

  void add(const std::string& device, const std::string& tags = "{}", const std::string& module = {},
           const std::string& reported = "{}") {
    storage::IdentityRow identity;
    identity.device_id = device;
    identity.module_id = module;
    identity.authentication_type = "sas";
    storage::TwinRow twin;
    twin.device_id = device;
    twin.module_id = module;
    twin.tags = tags;
    twin.reported = reported;
    REQUIRE(store->insert_identity(identity, twin));
  }

  /// `d00`, `d01`, ...: tags.n counts, tags.third is n modulo 3, tags.even is there for even ones.
  void add_numbered(int count) {
    for (int n = 0; n < count; ++n) {
      const std::string even = n % 2 == 0 ? R"(,"even":true)" : "";
      add((n < 10 ? "d0" : "d") + std::to_string(n),
          R"({"n":)" + std::to_string(n) + R"(,"third":")" + "xyz"[n % 3] + "\"" + even + "}");
    }
  }

  ReadPage page(std::string_view text, std::int64_t size, const std::optional<std::string>& continuation = std::nullopt,
                std::int64_t slice = hub::kSliceCost) {
    auto run = queries.start(text, size, continuation ? std::optional<std::string_view>(*continuation) : std::nullopt);
    REQUIRE(run);
    int steps = 0;
    while (!(*run)->step(slice)) REQUIRE(++steps < 100000);
    const Page& done = (*run)->page();
    Json items = Json::parse(done.array());
    REQUIRE(static_cast<std::int64_t>(items.size()) == done.count);
    return {std::move(items), done.item_type, done.continuation};
  }

  /// Every page's items one after another; each page but the last is exactly full.
  Json paged(std::string_view text, std::int64_t size, std::int64_t slice = hub::kSliceCost) {
    Json items = Json::array();
    std::optional<std::string> continuation;
    do {
      ReadPage one = page(text, size, continuation, slice);
      if (one.continuation) REQUIRE(static_cast<std::int64_t>(one.items.size()) == size);
      if (continuation) REQUIRE_FALSE(one.items.empty());  // a continuation promises more
      for (Json& item : one.items) items.push_back(std::move(item));
      continuation = one.continuation;
    } while (continuation);
    return items;
  }

  Json all(std::string_view text) { return paged(text, kMaxPageSize); }

  std::vector<std::string> ids(std::string_view text) {
    std::vector<std::string> out;
    for (const Json& item : all(text)) out.push_back(item.at("deviceId").get<std::string>());
    return out;
  }

  std::optional<hub::HubError> refusal(std::string_view text, std::optional<std::string_view> continuation) {
    const auto run = queries.start(text, 2, continuation);
    return run ? std::nullopt : std::optional(run.error());
  }
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "every page size gives every row once and no continuation on the last page") {
  add_numbered(13);
  struct Case {
    std::string_view text;
    std::size_t rows;
  };
  for (const Case& one :
       {Case{"SELECT * FROM devices", 13}, Case{"SELECT deviceId, tags.n FROM devices", 13},
        Case{"SELECT deviceId FROM devices WHERE is_defined(tags.even)", 7},
        Case{"SELECT * FROM devices WHERE tags.n >= 12", 1}, Case{"SELECT * FROM devices WHERE tags.n = 0", 1},
        Case{"SELECT * FROM devices WHERE false", 0}, Case{"SELECT deviceId FROM devices WHERE deviceId = 'd07'", 1},
        Case{"SELECT tags.third, COUNT() AS n FROM devices GROUP BY tags.third", 3},
        Case{"SELECT tags.n FROM devices GROUP BY tags.n", 13}, Case{"SELECT COUNT() AS n FROM devices", 1},
        Case{"SELECT * FROM devices.modules", 0}}) {
    CAPTURE(one.text);
    const Json whole = all(one.text);
    CHECK(whole.size() == one.rows);
    for (std::int64_t size = 1; size <= 14; ++size) {
      CAPTURE(size);
      CHECK(paged(one.text, size).dump() == whole.dump());
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "a page does not depend on the slices in which it is made") {
  add_numbered(11);
  add("d00", "{}", "m1");
  add("d00", "{}", "m2");
  add("d05", "{}", "m1");
  for (const std::string_view text :
       {"SELECT * FROM devices", "SELECT deviceId FROM devices WHERE tags.third = 'y'",
        "SELECT TOP 4 deviceId FROM devices WHERE tags.n > 2", "SELECT * FROM devices.modules",
        "SELECT moduleId FROM devices.modules WHERE deviceId = 'd00'",
        "SELECT deviceId FROM devices WHERE deviceId = 'd05'", "SELECT AVG(tags.n) AS a, COUNT() AS n FROM devices",
        "SELECT tags.third, SUM(tags.n) AS s FROM devices GROUP BY tags.third"}) {
    CAPTURE(text);
    for (const std::int64_t size : {1, 2, 3, 5, 100}) {
      const Json expected = paged(text, size);
      for (const std::int64_t slice : {1, 2, 3, 4, 10, 11, 12}) {
        CAPTURE(slice);
        CHECK(paged(text, size, slice).dump() == expected.dump());
      }
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "TOP bounds the rows of all pages together") {
  add_numbered(7);
  for (const std::string_view rest : {"deviceId FROM devices", "deviceId FROM devices WHERE tags.n >= 0",
                                      "tags.n FROM devices GROUP BY tags.n", "* FROM devices"}) {
    CAPTURE(rest);
    for (std::size_t top = 1; top <= 9; ++top) {
      const std::string text = "SELECT TOP " + std::to_string(top) + " " + std::string(rest);
      CAPTURE(text);
      for (std::int64_t size = 1; size <= 8; ++size) CHECK(paged(text, size).size() == std::min<std::size_t>(top, 7));
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "the registry may change between two pages: what stays is given once") {
  add_numbered(10);
  const ReadPage first = page("SELECT deviceId FROM devices", 3);
  REQUIRE(first.continuation);
  CHECK(first.items.dump() == R"([{"deviceId":"d00"},{"deviceId":"d01"},{"deviceId":"d02"}])");
  REQUIRE(store->remove_identity("d02", ""));  // the last row given
  REQUIRE(store->remove_identity("d03", ""));  // the row that would come next
  REQUIRE(store->remove_identity("d05", ""));
  add("d00x");  // before the place of the continuation
  add("d04x");  // after it
  const ReadPage second = page("SELECT deviceId FROM devices", 3, first.continuation);
  CHECK(second.items.dump() == R"([{"deviceId":"d04"},{"deviceId":"d04x"},{"deviceId":"d06"}])");
  for (const char* device : {"d07", "d08", "d09"}) REQUIRE(store->remove_identity(device, ""));
  const ReadPage last = page("SELECT deviceId FROM devices", 3, second.continuation);
  CHECK(last.items.empty());
  CHECK_FALSE(last.continuation);
}

TEST_CASE_FIXTURE(Fixture, "a continuation serves only the query that it came with") {
  add_numbered(6);
  const std::string text = "SELECT deviceId FROM devices";
  const std::string grouped = "SELECT tags.n FROM devices GROUP BY tags.n";
  const std::string good = page(text, 2).continuation.value();
  const std::string good_grouped = page(grouped, 2).continuation.value();
  CHECK_FALSE(refusal(text, good));
  CHECK_FALSE(refusal(grouped, good_grouped));
  // Forged ones carry the right fingerprint.
  const Json token = Json::parse(text::base64_decode_text(good).value());
  const Json grouped_token = Json::parse(text::base64_decode_text(good_grouped).value());
  const auto forged = [](const Json& from, const char* place) {
    return text::base64_encode(Json::array({from[0], Json::parse(place)}).dump());
  };
  CHECK_FALSE(refusal(text, forged(token, R"(["k","d01",7,"",2])")));
  struct Case {
    std::string query;
    std::string continuation;
  };
  const Case cases[] = {
      {"SELECT deviceId FROM devices ", good},
      {"SELECT DeviceId FROM devices", good},
      {"SELECT * FROM devices", good},
      {grouped, good},
      {text, good_grouped},
      {text, ""},
      {text, "x"},
      {text, "not base64!"},
      {text, good.substr(1)},
      {text, good.substr(0, good.size() / 2)},
      {text, text::base64_encode("")},
      {text, text::base64_encode("[]")},
      {text, text::base64_encode("{\"a\":1}")},
      {text, text::base64_encode(std::string(5000, '['))},
      {text, text::base64_encode("[0,[\"k\",\"d01\",7,\"\",2]]")},
      {text, forged(token, "[]")},
      {text, forged(token, "1")},
      {text, forged(token, R"(["k","d01",7,""])")},
      {text, forged(token, R"(["k",1,7,"",2])")},
      {text, forged(token, R"(["k","d01",7,null,2])")},
      {text, forged(token, R"(["k","d01","7","",2])")},
      {text, forged(token, R"(["k","d01",-7,"",2])")},
      {text, forged(token, R"(["k","d01",7,"",-1])")},
      {text, forged(token, R"(["k","d01",7,"",1.5])")},
      {text, forged(token, R"(["g",1])")},
      {text, forged(token, R"(["x","d01",7,"",2])")},
      {grouped, forged(grouped_token, R"(["g",-1])")},
      {grouped, forged(grouped_token, R"(["g","1"])")},
      {grouped, forged(grouped_token, R"(["g",18446744073709551615])")},
      {text, forged(token, R"(["k","d01",7,"",9223372036854775808])")},
      {grouped, forged(grouped_token, R"(["g",1,2])")},
      {grouped, forged(grouped_token, R"(["k","d01",7,"",2])")},
  };
  for (const Case& one : cases) {
    CAPTURE(one.query);
    CAPTURE(one.continuation);
    const auto refused = refusal(one.query, one.continuation);
    REQUIRE(refused);
    CHECK(refused->code == ErrorCode::ArgumentInvalid);
  }
  // Beyond the end there is nothing.
  CHECK(page(grouped, 2, forged(grouped_token, R"(["g",99])")).items.empty());
  CHECK(page(text, 2, forged(token, R"(["k","zzz",7,"",2])")).items.empty());
}

TEST_CASE_FIXTURE(Fixture, "a page holds 100 rows unless told, and never more than 1000") {
  for (int n = 0; n < 1001; ++n) add("d" + std::to_string(n));
  const auto size = [&](std::optional<std::int64_t> asked) {
    auto run = queries.start("SELECT deviceId FROM devices", asked, std::nullopt);
    REQUIRE(run);
    while (!(*run)->step(hub::kSliceCost)) {
    }
    CHECK((*run)->page().continuation.has_value());
    return (*run)->page().count;
  };
  CHECK(size(std::nullopt) == 100);
  CHECK(size(0) == 100);
  CHECK(size(-5) == 100);
  CHECK(size(1) == 1);
  CHECK(size(1000) == 1000);
  CHECK(size(1001) == 1000);
  CHECK(size(std::numeric_limits<std::int64_t>::max()) == 1000);
}

TEST_CASE_FIXTURE(Fixture, "whole twins are of type Twin, everything else is Raw") {
  add_numbered(2);
  CHECK(page("SELECT * FROM devices", 10).item_type == "Twin");
  CHECK(page("SELECT * FROM devices.modules", 10).item_type == "Twin");
  CHECK(page("SELECT deviceId FROM devices", 10).item_type == "Raw");
  CHECK(page("SELECT COUNT() AS n FROM devices", 10).item_type == "Raw");
  CHECK(page("SELECT tags.n FROM devices GROUP BY tags.n", 10).item_type == "Raw");
  CHECK(queries.start("SELECT * FROM devices.jobs", 10, std::nullopt).value()->page().item_type == "DeviceJob");
  CHECK(refusal("SELECT", std::nullopt)->code == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "SELECT * gives the twin as GET does; modules and devices are apart") {
  create("a");
  create("a", "m");
  CHECK(all("SELECT * FROM devices").dump() ==
        Json::array({hub::twin_to_json(hub.twins().get({{"a"}}).value())}).dump());
  CHECK(all("SELECT * FROM devices.modules").dump() ==
        Json::array({hub::twin_row_to_json(hub.twins().get({{"a"}, {"m"}}).value())}).dump());
}

TEST_CASE_FIXTURE(Fixture, "a projection gives the members that are there, under their alias or last name") {
  add("a", R"({"x":{"y":1},"l":[1,2],"f":2.0,"n":null})");
  add("b");
  struct Case {
    std::string_view text;
    std::string_view rows;
  };
  for (const Case& one :
       {Case{"SELECT DeviceId FROM devices", R"([{"deviceId":"a"},{"deviceId":"b"}])"},
        Case{"SELECT DEVICEID, tags.x.y FROM devices", R"([{"deviceId":"a","y":1},{"deviceId":"b"}])"},
        Case{"SELECT tags.x.y AS z FROM devices", R"([{"z":1},{}])"},
        Case{"SELECT tags.x, tags.l, tags.f FROM devices", R"([{"x":{"y":1},"l":[1,2],"f":2.0},{}])"},
        Case{"SELECT tags FROM devices", R"([{"tags":{"x":{"y":1},"l":[1,2],"f":2.0,"n":null}},{}])"},
        Case{"SELECT tags.l[1] AS second, tags.n FROM devices", R"([{"second":2,"n":null},{}])"},
        Case{"SELECT status, capabilities.iotEdge FROM devices WHERE deviceId = 'b'",
             R"([{"status":"enabled","iotEdge":false}])"},
        Case{"SELECT properties.reported.$version AS v, version FROM devices WHERE deviceId = 'b'",
             R"([{"v":1,"version":2}])"},
        Case{"SELECT nonsense FROM devices", "[{},{}]"}}) {
    CAPTURE(one.text);
    CHECK(all(one.text).dump() == one.rows);
  }
}

TEST_CASE_FIXTURE(Fixture, "a condition selects devices") {
  add("a", R"({"floor":1,"kind":"lamp","on":true})");
  add("b", R"({"floor":2,"kind":"lamp"})");
  add("c", R"({"floor":"2"})");
  add("d", R"({"floor":null,"kind":{"x":1}})");
  add("e");
  struct Case {
    std::string_view condition;
    Ids ids;
  };
  for (const Case& one : {
           Case{"true", {"a", "b", "c", "d", "e"}},
           Case{"false", {}},
           Case{"null", {}},
           Case{"1", {}},
           Case{"'true'", {}},
           Case{"undefined", {}},
           Case{"tags", {}},
           Case{"tags.on", {"a"}},
           Case{"NOT tags.on", {}},
           Case{"tags.floor = 1", {"a"}},
           Case{"tags.floor != 1", {"b"}},
           Case{"NOT tags.floor = 1", {"b"}},
           Case{"tags.floor = '2'", {"c"}},
           Case{"tags.floor = null", {"d"}},
           Case{"tags.floor IN [1, '2']", {"a", "c"}},
           Case{"tags.floor NIN [1, '2']", {"b", "d"}},
           Case{"is_defined(tags.floor)", {"a", "b", "c", "d"}},
           Case{"NOT is_defined(tags.floor)", {"e"}},
           Case{"is_defined(tags)", {"a", "b", "c", "d"}},
           Case{"tags.kind = 'lamp' AND tags.floor > 1", {"b"}},
           Case{"tags.kind = 'lamp' OR deviceId = 'e'", {"a", "b", "e"}},
           Case{"deviceId IN ['b', 'e', 'nobody']", {"b", "e"}},
           Case{"deviceId >= 'c'", {"c", "d", "e"}},
           Case{"STARTSWITH(deviceId, 'a')", {"a"}},
           Case{"deviceId = 'b'", {"b"}},
           Case{"deviceId = 'B'", {}},
           Case{"deviceId = 'b' AND tags.floor = 1", {}},
           Case{"deviceId = 'b' AND deviceId = 'c'", {}},
           Case{"deviceId = ''", {}},
           Case{"connectionState = 'Connected'", {}},
           Case{"status = 'enabled' AND tags.floor % 2 = 0", {"b"}},
       }) {
    CAPTURE(one.condition);
    CHECK(ids("SELECT deviceId FROM devices WHERE " + std::string(one.condition)) == one.ids);
  }
}

TEST_CASE_FIXTURE(Fixture, "a query over modules gives each module of each device") {
  for (const char* device : {"a", "b"}) {
    add(device);
    add(device, R"({"x":1})", "m1");
    add(device, R"({"x":2})", "m2");
  }
  CHECK(all("SELECT deviceId, moduleId FROM devices.modules WHERE tags.x = 2").dump() ==
        R"([{"deviceId":"a","moduleId":"m2"},{"deviceId":"b","moduleId":"m2"}])");
  CHECK(all("SELECT devices.modules.moduleId FROM devices.modules WHERE devices.deviceId = 'b'").dump() ==
        R"([{"moduleId":"m1"},{"moduleId":"m2"}])");
  CHECK(all("SELECT moduleId, COUNT() AS n FROM devices.modules GROUP BY moduleId").dump() ==
        R"([{"moduleId":"m1","n":2},{"moduleId":"m2","n":2}])");
  for (std::int64_t size = 1; size <= 5; ++size) {
    CHECK(paged("SELECT * FROM devices.modules", size).size() == 4);
    CHECK(paged("SELECT moduleId FROM devices.modules WHERE deviceId = 'a'", size).dump() ==
          R"([{"moduleId":"m1"},{"moduleId":"m2"}])");
  }
  CHECK(all("SELECT moduleId FROM devices WHERE is_defined(moduleId)").empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "the modules of one device come as they were made, in whatever pages and slices (recorded)") {
  const std::vector<std::string> made{"z", "b", "y", "a", "x", "c", "w", "k", "l", "m"};
  std::string expected;
  for (const std::string device : {"d1", "d2", "d3"}) {
    create(device);
    for (const std::string& module : made) {
      create(device, module);
      REQUIRE(hub.twins().patch({{device}, {module}}, Json{{"tags", {{"t", module < "m"}}}}, hub::IfMatch::none()));
      expected += device + module + " ";
    }
  }
  REQUIRE(store->remove_identity("d2", "a"));
  expected.erase(expected.find("d2a "), 4);
  const auto ids = [&](const std::string& condition, std::int64_t size, std::int64_t slice) {
    std::string text;
    for (const Json& row : paged("SELECT * FROM devices.modules" + condition, size, slice)) {
      text += row.at("deviceId").get<std::string>() + row.at("moduleId").get<std::string>() + " ";
    }
    return text;
  };
  for (const std::int64_t size : {1, 3, 10, 100}) {
    for (const std::int64_t slice : {1, 4, 100}) {
      CAPTURE(size);
      CAPTURE(slice);
      CHECK(ids("", size, slice) == expected);
      CHECK(ids(" WHERE deviceId = 'd2'", size, slice) == "d2z d2b d2y d2x d2c d2w d2k d2l d2m ");
      CHECK(ids(" WHERE moduleId IN ['a', 'y', 'b']", size, slice) == "d1b d1y d1a d2b d2y d3b d3y d3a ");
      CHECK(ids(" WHERE tags.t = true", size, slice) == "d1b d1a d1c d1k d1l d2b d2c d2k d2l d3b d3a d3c d3k d3l ");
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "aggregates count, add and compare what is there") {
  add("a", R"({"k":"x","v":1})");
  add("b", R"({"k":"x","v":4})");
  add("c", R"({"k":"y","v":2.5,"w":"b"})");
  add("d", R"({"v":"text","w":"a"})");
  add("e", R"({"k":1})");
  struct Case {
    std::string_view text;
    std::string_view rows;
  };
  for (const Case& one : {
           Case{"SELECT COUNT() AS n FROM devices", R"([{"n":5}])"},
           Case{"SELECT COUNT() FROM devices", R"([{"$1":5}])"},
           Case{"SELECT COUNT(*), COUNT(tags.v) FROM devices", R"([{"$1":5,"$2":4}])"},
           Case{"SELECT COUNT() AS n FROM devices WHERE false", R"([{"n":0}])"},
           Case{"SELECT AVG(tags.v) AS a, SUM(tags.v) AS s, MIN(tags.v) AS l, MAX(tags.v) AS g FROM devices",
                R"([{"a":2.5,"s":7.5,"l":1,"g":4}])"},
           Case{"SELECT AVG(tags.none) AS a, SUM(tags.none) AS s, MIN(tags.none) AS l, MAX(tags.none) AS g, "
                "COUNT(tags.none) AS n FROM devices",
                R"([{"n":0}])"},
           Case{"SELECT MIN(tags.w) AS l, MAX(tags.w) AS g FROM devices", R"([{"l":"a","g":"b"}])"},
           Case{"SELECT tags.k AS k, COUNT() AS n FROM devices GROUP BY tags.k",
                R"([{"k":"x","n":2},{"k":"y","n":1},{"n":1},{"k":1,"n":1}])"},
           Case{"SELECT COUNT() AS n, tags.k AS k FROM devices WHERE tags.v > 1 GROUP BY tags.k",
                R"([{"n":1,"k":"x"},{"n":1,"k":"y"}])"},
           Case{"SELECT tags.k AS k, tags.w AS w FROM devices GROUP BY tags.k, tags.w",
                R"([{"k":"x"},{"k":"y","w":"b"},{"w":"a"},{"k":1}])"},
           Case{"SELECT COUNT() AS n FROM devices GROUP BY tags.k", R"([{"n":2},{"n":1},{"n":1},{"n":1}])"},
           Case{"SELECT tags.k AS k, COUNT() AS n FROM devices WHERE false GROUP BY tags.k", "[]"},
           Case{"SELECT status, SUM(tags.v) AS s FROM devices GROUP BY Status", R"([{"status":"enabled","s":7.5}])"},
       }) {
    CAPTURE(one.text);
    CHECK(all(one.text).dump() == one.rows);
  }
  add("f", R"({"huge":1e308})");
  add("g", R"({"huge":1e308})");
  CHECK(all("SELECT SUM(tags.huge) AS s, AVG(tags.huge) AS a FROM devices").dump() == "[{}]");
}

TEST_CASE_FIXTURE(Fixture, "an undefined, a null and an empty group are three groups") {
  add("a", R"({"k":null})");
  add("b");
  add("c", R"({"k":""})");
  add("d", R"({"k":[]})");
  add("e", R"({"k":"null"})");
  add("f", R"({"k":null})");
  CHECK(all("SELECT tags.k AS k, COUNT() AS n FROM devices GROUP BY tags.k").dump() ==
        R"([{"k":null,"n":2},{"n":1},{"k":"","n":1},{"k":[],"n":1},{"k":"null","n":1}])");
}

TEST_CASE_FIXTURE(Fixture, "equality on deviceId reads that device alone, and a page no more than it needs") {
  add_numbered(50);
  add("d07", "{}", "m1");
  add("d07", "{}", "m2");
  add("d08", "{}", "m1");
  const auto rows_read = [&](std::string_view text, std::int64_t size) {
    auto run = queries.start(text, size, std::nullopt);
    REQUIRE(run);
    while (!(*run)->step(hub::kSliceCost)) {
    }
    return (*run)->rows_read();
  };
  CHECK(rows_read("SELECT deviceId FROM devices WHERE deviceId = 'd07'", 100) == 1);
  CHECK(rows_read("SELECT * FROM devices WHERE tags.n = 7 AND 'd07' = devices.deviceId", 100) == 1);
  CHECK(rows_read("SELECT COUNT() AS n FROM devices WHERE deviceId = 'd07'", 100) == 1);
  CHECK(rows_read("SELECT * FROM devices WHERE deviceId = 'nobody'", 100) == 0);
  CHECK(rows_read("SELECT moduleId FROM devices.modules WHERE deviceId = 'd07'", 100) <= 3);
  CHECK(rows_read("SELECT deviceId FROM devices", 5) == 6);  // the page, and the row that tells of another
  CHECK(rows_read("SELECT COUNT() AS n FROM devices", 5) == 50);
}

TEST_CASE_FIXTURE(Fixture, "a page that is not complete yet has the items so far") {
  add_numbered(5);
  auto run = queries.start("SELECT deviceId FROM devices WHERE tags.n >= 1", 10, std::nullopt);
  REQUIRE(run);
  CHECK((*run)->page().array() == "[]");
  CHECK_FALSE((*run)->step(2));
  CHECK((*run)->page().array() == R"([{"deviceId":"d01"}])");
  while (!(*run)->step()) {
  }
  CHECK(Json::parse((*run)->page().array()).size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "big twins make shorter slices and shorter pages, and still come once each") {
  constexpr int kCount = 70;
  const std::string big = R"({"x":")" + std::string(2 * hub::kSliceBytes, 'x') + "\"}";  // 70 of them: over 4 MiB
  for (int n = 0; n < kCount; ++n) add("d" + std::to_string(n), "{}", {}, big);
  auto run = queries.start("SELECT deviceId FROM devices WHERE deviceId < 'd2' AND properties.reported.x = 'y'", 10,
                           std::nullopt);
  REQUIRE(run);
  int steps = 1;
  while (!(*run)->step(hub::kSliceCost)) ++steps;
  CHECK(steps >= 12);  // d0, d1 and d10 to d19 are parsed

  std::set<std::string> seen;
  std::optional<std::string> continuation;
  int pages = 0;
  do {
    const ReadPage one = page("SELECT * FROM devices", kMaxPageSize, continuation);
    ++pages;
    for (const Json& item : one.items) CHECK(seen.insert(item["deviceId"].get<std::string>()).second);
    continuation = one.continuation;
  } while (continuation);
  CHECK(seen.size() == kCount);
  CHECK(pages == 2);
}
