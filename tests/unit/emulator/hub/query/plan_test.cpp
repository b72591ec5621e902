#include "emulator/hub/query/plan.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/query/queries.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub::query;
using hub::Json;

namespace {

std::string shown(const Lookup& lookup) {
  std::string out;
  switch (lookup.by) {
    case Lookup::By::device_id:
      out = "deviceId";
      break;
    case Lookup::By::module_id:
      out = "moduleId";
      break;
    case Lookup::By::job_id:
      out = "jobId";
      break;
    case Lookup::By::tag:
      out = "tag " + (lookup.values.empty() ? std::string() : lookup.values.front().name);
      break;
  }
  for (const storage::TagValue& value : lookup.values) {
    const std::string* text = std::get_if<std::string>(&value.value);
    out += text != nullptr ? " '" + *text + "'" : " " + std::to_string(std::get<std::int64_t>(value.value));
  }
  return out;
}

std::string shown(std::string_view condition, Source source) {
  const auto parsed = parse_condition(condition);
  REQUIRE(parsed);
  std::string out;
  for (const Lookup& lookup : lookups(**parsed, source)) out += (out.empty() ? "" : "; ") + shown(lookup);
  return out;
}

struct Registry : test::TestHub {
  Queries queries{*store, hub.links()};

  void add(const std::string& device, const std::string& module, const std::string& tags) {
    storage::IdentityRow identity;
    identity.device_id = device;
    identity.module_id = module;
    identity.authentication_type = "sas";
    storage::TwinRow twin;
    twin.tags = tags;
    REQUIRE(store->insert_identity(identity, twin));
  }

  void tag(const std::string& device, const std::string& module, const std::string& tags) {
    storage::TwinRow twin = store->twin(device, module).value();
    twin.tags = tags;
    REQUIRE(store->update_twin(twin));
  }

  struct Rows {
    std::string text;
    std::int64_t read = 0;
  };
  /// All pages, one after another.
  Rows rows(const std::string& text, std::int64_t page_size = kMaxPageSize, std::int64_t slice = hub::kSliceCost) {
    Rows all;
    std::optional<std::string> continuation;
    do {
      auto run =
          queries.start(text, page_size, continuation ? std::optional<std::string_view>(*continuation) : std::nullopt);
      REQUIRE(run);
      while (!(*run)->step(slice)) {
      }
      for (const Json& item : Json::parse((*run)->page().array())) all.text += item.dump();
      all.read += (*run)->rows_read();
      continuation = (*run)->page().continuation;
    } while (continuation);
    return all;
  }
};

}  // namespace

TEST_CASE("a condition tells by which index its rows are found") {
  struct Case {
    std::string_view condition;
    std::string_view expected;
  };
  const std::string longer_list = [] {
    std::string text = "tags.a IN ['v0'";
    for (std::size_t i = 1; i <= kMaxLookupValues; ++i) text += ", 'v" + std::to_string(i) + "'";
    return text + "]";
  }();
  for (const Case& row : {
           Case{"deviceId = 'x'", "deviceId 'x'"},
           Case{"'x' = deviceId", "deviceId 'x'"},
           Case{"devices.DeviceID = 'x'", "deviceId 'x'"},
           Case{"tags.a > 1 AND deviceId = 'x'", "deviceId 'x'"},
           Case{"(tags.b = 1 AND (deviceId = 'x')) AND status = 'y'", "tag b 1; deviceId 'x'"},
           Case{"deviceId = ''", "deviceId ''"},
           Case{"deviceId = 1", "deviceId"},
           Case{"deviceId IN ['y', 'x', 'y', 1]", "deviceId 'x' 'y'"},
           Case{"deviceId != 'x'", ""},
           Case{"deviceId >= 'x'", ""},
           Case{"NOT deviceId = 'x'", ""},
           Case{"deviceId = 'x' OR tags.a = 1", ""},
           Case{"deviceId NIN ['x']", ""},
           Case{"deviceId = tags.id", ""},
           Case{"tags.deviceId = 'x'", "tag deviceId 'x'"},
           Case{"tags.a.b.c = 'x'", "tag c 'x'"},
           Case{"tags.a[1].b = 'x'", "tag b 'x'"},
           Case{"tags.[[a.b]] = 'x'", "tag a.b 'x'"},
           Case{"tags.a[1] = 'x'", ""},
           Case{"tags = 'x'", ""},
           Case{"properties.reported.a = 'x'", ""},
           Case{"tags.a = true", "tag a 1"},
           Case{"tags.a = 2.0", "tag a 2"},
           Case{"tags.a = -2.75", "tag a -2"},
           Case{"tags.a = 0.99999999999999994", ""},
           Case{"tags.a = 1e15", ""},
           Case{"tags.a = null", ""},
           Case{"tags.a IN ['x', null]", ""},
           Case{"tags.a IN ['x', 1, false]", "tag a 'x' 0 1"},
           Case{"tags.a IN []", "tag "},
           Case{longer_list, ""},
           Case{"moduleId = 'm'", ""},
       }) {
    CAPTURE(row.condition);
    CHECK(shown(row.condition, Source::devices) == row.expected);
  }
  CHECK(shown("moduleId = 'm' AND deviceId = 'd'", Source::modules) == "moduleId 'm'; deviceId 'd'");
  CHECK(shown("jobId = 'j' AND deviceId = 'd' AND tags.a = 1", Source::jobs) == "jobId 'j'; deviceId 'd'");
}

TEST_CASE_FIXTURE(Registry, "equality reads the rows that may meet it, and no other") {
  for (int i = 0; i < 300; ++i) {
    const std::string device = "d" + std::to_string(1000 + i);
    add(device, "",
        R"({"place":{"plant":"p)" + std::to_string(i % 100) + R"(","all":"x"},"n":)" + std::to_string(i) + "}");
    add(device, "m" + std::to_string(i % 3), "{}");
  }
  const auto read = [&](const std::string& query) { return rows("SELECT * FROM " + query).read; };
  CHECK(read("devices WHERE deviceId = 'd1007'") == 1);
  CHECK(read("devices WHERE deviceId IN ['d1007', 'd1001', 'nobody']") == 2);
  CHECK(read("devices WHERE tags.place.plant = 'p7'") == 3);
  CHECK(read("devices WHERE tags.place.plant IN ['p7', 'p8', 'none']") == 6);
  CHECK(read("devices WHERE tags.n = 7") == 1);
  CHECK(read("devices WHERE tags.place.all = 'x' AND tags.n = 7") == 1);
  CHECK(read("devices WHERE tags.n = 7 AND tags.place.all = 'x'") == 1);
  CHECK(read("devices WHERE tags.place.all = 'y'") == 0);
  CHECK(read("devices.modules WHERE moduleId = 'm1'") == 100);
  CHECK(read("devices.modules WHERE moduleId IN ['m1', 'm2'] AND deviceId = 'd1001'") == 1);
  CHECK(read("devices WHERE tags.n > 7") == 300);
  CHECK(rows("SELECT COUNT() AS n FROM devices WHERE tags.place.plant = 'p7'").text == R"({"n":3})");

  tag("d1007", "", R"({"n":8})");
  REQUIRE(store->remove_identity("d1107", ""));
  CHECK(read("devices WHERE tags.place.plant = 'p7'") == 1);
  CHECK(read("devices WHERE tags.n = 8") == 2);
}

TEST_CASE_FIXTURE(Registry, "an index and a scan give the same rows") {
  std::mt19937 dice(7);
  const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<unsigned>(n)); };
  const std::string longish(70, 'l');
  const std::vector<std::string> values{R"("x")",
                                        R"("y")",
                                        R"("")",
                                        R"("ä€😀")",
                                        R"("a\"b\\c\n")",
                                        "1",
                                        "1.0",
                                        "1.5",
                                        "-1.5",
                                        "0",
                                        "-0.0",
                                        "true",
                                        "false",
                                        "null",
                                        "[1,2]",
                                        "1e15",
                                        "1e300",
                                        "0.1",
                                        "12345.678901",
                                        "9007199254740993",
                                        '"' + longish + '"',
                                        '"' + longish + "m\"",
                                        R"({"a":"x"})",
                                        R"([{"a":1},{"b":"x"}])"};
  const std::vector<std::string> names{"a", "b", "c"};
  const auto tags = [&] {
    std::string text;
    for (const std::string& name : names) {
      if (below(3) == 0) continue;
      const std::string& value = values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
      text += (text.empty() ? "" : ",") + ('"' + name + "\":") +
              (below(4) == 0 ? "{\"" + names[static_cast<std::size_t>(below(3))] + "\":" + value + "}" : value);
    }
    return "{" + text + "}";
  };
  for (int i = 0; i < 120; ++i) {
    const std::string device = "d" + std::to_string(i);
    add(device, "", tags());
    for (int module = below(3); module > 0; --module) add(device, "m" + std::to_string(module), tags());
  }
  for (int i = 0; i < 60; ++i) tag("d" + std::to_string(below(120)), "", tags());
  for (int i = 0; i < 10; ++i) store->remove_identity("d" + std::to_string(below(120)), "");

  const std::vector<std::string> literals{"'x'",
                                          "'y'",
                                          "''",
                                          "'ä€😀'",
                                          "1",
                                          "1.0",
                                          "1.5",
                                          "-1.5",
                                          "0",
                                          "true",
                                          "false",
                                          "null",
                                          "1e15",
                                          "0.1",
                                          "12345.678901",
                                          "9007199254740992",
                                          "9007199254740993",
                                          "'" + longish + "'",
                                          "'d5'",
                                          "'m1'"};
  const auto literal = [&] { return literals[static_cast<std::size_t>(below(static_cast<int>(literals.size())))]; };
  const auto path = [&]() -> std::string {
    switch (below(6)) {
      case 0:
        return below(2) == 0 ? "deviceId" : "moduleId";
      case 1:
        return "tags." + names[static_cast<std::size_t>(below(3))] + "." + names[static_cast<std::size_t>(below(3))];
      case 2:
        return "tags." + names[static_cast<std::size_t>(below(3))] + "[" + std::to_string(below(2)) + "].a";
      default:
        return "tags." + names[static_cast<std::size_t>(below(3))];
    }
  };
  const auto comparison = [&] {
    if (below(3) != 0) return path() + " = " + literal();
    std::string list = literal();
    for (int more = below(4); more > 0; --more) list += ", " + literal();
    return path() + " IN [" + list + "]";
  };
  int found = 0;
  for (int i = 0; i < 600; ++i) {
    std::string condition = comparison();
    if (below(2) == 0) condition += " AND " + comparison();
    if (below(4) == 0) condition = "(" + condition + ") AND tags.b != 1";
    const std::string source = below(2) == 0 ? "devices" : "devices.modules";
    CAPTURE(condition);
    const std::string select = "SELECT deviceId, moduleId FROM " + source + " WHERE ";
    // Under NOT no index is seen.
    const std::string scanned = rows(select + "NOT NOT (" + condition + ")").text;
    CHECK(rows(select + condition, 1 + below(7), 1 + below(9)).text == scanned);
    found += scanned.empty() ? 0 : 1;
  }
  CHECK(found > 100);
}

TEST_CASE_FIXTURE(Registry, "rows of jobs are found by job and by device") {
  for (int job = 0; job < 5; ++job) {
    for (int device = 0; device < 40; ++device) {
      const std::string job_id = "job" + std::to_string(job);
      const std::string device_id = "d" + std::to_string(device);
      store->put_document(kDeviceJobDocuments, job_id + "\n" + device_id + "\n",
                          hub::dump({{"deviceId", device_id}, {"jobId", job_id}, {"status", "completed"}}));
    }
  }
  const auto read = [&](const std::string& where) { return rows("SELECT * FROM devices.jobs " + where).read; };
  CHECK(read("") == 200);
  CHECK(read("WHERE jobId = 'job3'") == 40);
  CHECK(read("WHERE deviceId = 'd7'") == 5);
  CHECK(read("WHERE jobId = 'job3' AND deviceId = 'd7'") == 5);
  CHECK(read("WHERE jobId = 'job'") == 0);
  for (const std::string condition : {"jobId = 'job3'", "jobId IN ['job4', 'job1']", "deviceId IN ['d7', 'd8', 'x']",
                                      "jobId = 'job3' AND deviceId = 'd7'", "jobId = 'job3' AND status = 'failed'"}) {
    CAPTURE(condition);
    const std::string select = "SELECT * FROM devices.jobs WHERE ";
    const std::string scanned = rows(select + "NOT NOT (" + condition + ")").text;
    for (const std::int64_t size : {1, 7, 1000}) CHECK(rows(select + condition, size, 3).text == scanned);
  }
}
