#include "emulator/hub/twin_merge.h"

#include <doctest/doctest.h>

using namespace iothub::hub;

namespace {

Json json(const char* text) {
  return Json::parse(text);
}

TwinProperties desired(const char* values) {
  TwinProperties properties;
  properties.metadata = {{"$lastUpdated", "T0"}};
  patch_properties(properties, json(values), "T1", true);
  return properties;
}

}  // namespace

TEST_CASE("a patch merges at any depth, null deletes, arrays are replaced whole") {
  Json tags = json(R"({"a":{"b":1,"c":1.0},"arr":[1,2,{"k":"v"}],"e":{}})");
  CHECK(merge_patch(tags, json(R"({"a":{"b":null},"arr":[9]})")));
  CHECK(tags.dump() == R"({"a":{"c":1.0},"arr":[9],"e":{}})");
  CHECK(merge_patch(tags, json(R"({"a":{"c":null}})")));
  CHECK(tags.dump() == R"({"a":{},"arr":[9],"e":{}})");
}

TEST_CASE("presence decides what counts as a change, not the value (sdk-csharp #954)") {
  struct Row {
    const char* patch;
    bool changes;
  };
  constexpr Row kRows[] = {
      {R"({})", false},
      {R"({"x":1})", true},  // an equal value is a change
      {R"({"absent":null})", false},
      {R"({"o":{}})", false},  // nothing merged into an object
      {R"({"o":{"absent":null}})", false},
      {R"({"o":{"p":1}})", true},
      {R"({"new":{}})", true},
      {R"({"x":{}})", true},  // a scalar becomes an object
      {R"({"o":5})", true},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.patch);
    Json values = json(R"({"x":1,"o":{"p":1}})");
    CHECK(merge_patch(values, json(row.patch)) == row.changes);
  }
}

TEST_CASE("a null for an absent member leaves its siblings alone (sdk-node #683)") {
  Json values = json(R"({"o":{"a":1,"b":2}})");
  merge_patch(values, json(R"({"o":{"c":null,"a":3}})"));
  CHECK(values.dump() == R"({"o":{"a":3,"b":2}})");
}

TEST_CASE("nulls inside a new object are dropped at every depth") {
  Json values = json("{}");
  merge_patch(values, json(R"({"o":{"a":null,"p":{"q":null,"r":1}}})"));
  CHECK(values.dump() == R"({"o":{"p":{"r":1}}})");
}

TEST_CASE("a desired write stamps every touched node and its ancestors, and nothing else") {
  TwinProperties properties = desired(R"({"a":{"b":1,"c":2},"d":3})");
  CHECK(properties.version == 2);
  CHECK(properties.metadata.dump() ==
        R"({"$lastUpdated":"T1","$lastUpdatedVersion":2,)"
        R"("a":{"$lastUpdated":"T1","$lastUpdatedVersion":2,"b":{"$lastUpdated":"T1","$lastUpdatedVersion":2},)"
        R"("c":{"$lastUpdated":"T1","$lastUpdatedVersion":2}},"d":{"$lastUpdated":"T1","$lastUpdatedVersion":2}})");

  CHECK(patch_properties(properties, json(R"({"a":{"b":5}})"), "T2", true));
  CHECK(properties.metadata.dump() ==
        R"({"$lastUpdated":"T2","$lastUpdatedVersion":3,)"
        R"("a":{"$lastUpdated":"T2","$lastUpdatedVersion":3,"b":{"$lastUpdated":"T2","$lastUpdatedVersion":3},)"
        R"("c":{"$lastUpdated":"T1","$lastUpdatedVersion":2}},"d":{"$lastUpdated":"T1","$lastUpdatedVersion":2}})");
}

TEST_CASE("a removed member leaves the metadata, and its parent takes the time") {
  TwinProperties properties = desired(R"({"a":{"b":1}})");
  CHECK(patch_properties(properties, json(R"({"a":{"b":null}})"), "T2", true));
  CHECK(properties.values.dump() == R"({"a":{}})");
  CHECK(properties.metadata["a"].dump() == R"({"$lastUpdated":"T2","$lastUpdatedVersion":3})");
}

TEST_CASE("reported metadata has no $lastUpdatedVersion") {
  TwinProperties reported;
  reported.metadata = {{"$lastUpdated", "T0"}};
  CHECK(patch_properties(reported, json(R"({"fw":{"v":"1"}})"), "T1", false));
  CHECK(reported.metadata.dump() == R"({"$lastUpdated":"T1","fw":{"$lastUpdated":"T1","v":{"$lastUpdated":"T1"}}})");
}

TEST_CASE("an array has one metadata node for the whole of it") {
  const TwinProperties properties = desired(R"({"a":[1,{"b":2}]})");
  CHECK(properties.metadata["a"].dump() == R"({"$lastUpdated":"T1","$lastUpdatedVersion":2})");
}

TEST_CASE("a patch of no-ops moves neither version nor times") {
  TwinProperties properties = desired(R"({"a":1})");
  const std::string before = properties.metadata.dump();
  CHECK_FALSE(patch_properties(properties, json(R"({"zz":null})"), "T2", true));
  CHECK(properties.version == 2);
  CHECK(properties.metadata.dump() == before);
}

TEST_CASE(
    "a replacement tells the device the new document and a null for each member that vanished (sdk-csharp #954)") {
  TwinProperties properties = desired(R"({"a":1,"b":2,"o":{"x":1,"y":2}})");
  const Json change = replace_properties(properties, json(R"({"a":1,"c":100,"o":{"x":1}})"), "T2", true);
  CHECK(change == json(R"({"a":1,"c":100,"o":{"x":1,"y":null},"b":null})"));
  CHECK(properties.values.dump() == R"({"a":1,"c":100,"o":{"x":1}})");
  CHECK(properties.version == 3);
  CHECK(properties.metadata["a"].dump() == R"({"$lastUpdated":"T2","$lastUpdatedVersion":3})");
  CHECK_FALSE(properties.metadata.contains("b"));
}
