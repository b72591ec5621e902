#include "emulator/hub/configurations_dry_run.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::Json;

namespace {

Json body_of(const std::string& condition, const Json& desired, int priority) {
  return {{"content", {{"deviceContent", {{"properties.desired", desired}}}}},
          {"targetCondition", condition},
          {"priority", priority}};
}

struct World : test::TestHub {
  World() {
    for (const char* id : {"d1", "d2", "d3"}) create(id);
    tag("d1", 1);
    tag("d2", 1);
    tag("d3", 2);
  }
  void tag(const std::string& device, int floor) {
    Json body;
    body["tags"]["floor"] = floor;
    REQUIRE(hub.twins().patch({{device}, {}}, body, hub::IfMatch::none()));
  }
  void put(const std::string& id, const Json& body) {
    REQUIRE(hub.configurations().put(id, body, hub::IfMatch::none()));
    clock.advance(1);
  }
  Json try_out(const std::string& id, const Json& body) {
    hub::DryRun dry_run(hub, id, body);
    while (!dry_run.step()) {
    }
    return dry_run.answer();
  }
};

}  // namespace

TEST_CASE_FIXTURE(World, "a dry run names the devices that a condition matches, and writes nothing") {
  const Json tried = try_out("winter", body_of("tags.floor = 1", {{"heating", 2}}, 10));
  CHECK(tried["valid"] == true);
  CHECK(tried["family"] == "device");
  CHECK(tried["matched"] == 2);
  CHECK(tried["complete"] == true);
  REQUIRE(tried["targets"].size() == 2);
  CHECK(tried["targets"][0]["device"] == "d1");
  CHECK(tried["targets"][1]["device"] == "d2");
  CHECK(tried["targets"][0]["applies"] == true);
  CHECK(tried["targets"][0]["ranks"] == Json::array({{{"id", "winter"}, {"priority", 10}}}));
  CHECK(hub.configurations().list().empty());
  CHECK(hub.twins().get({{"d1"}, {}})->twin->desired.version == 1);
}

TEST_CASE_FIXTURE(World, "a stronger configuration overrules the paths that both write") {
  put("base", body_of("*", {{"heating", 1}, {"light", 1}}, 5));
  put("lab", body_of("deviceId = 'd1'", {{"heating", {{"level", 9}}}}, 20));
  const Json tried = try_out("winter", body_of("tags.floor = 1", {{"heating", 2}, {"light", 3}}, 10));
  const Json& contested = tried["targets"][0];
  CHECK(contested["ranks"][0]["id"] == "lab");
  CHECK(contested["ranks"][1]["id"] == "winter");
  CHECK(contested["ranks"][2]["id"] == "base");
  CHECK(contested["overruled"] == Json::array({{{"path", "heating"}, {"by", "lab"}}}));
  CHECK(contested["applies"] == true);  // light is its own
  const Json& free = tried["targets"][1];
  CHECK(free["device"] == "d2");
  CHECK(free["overruled"].empty());
}

TEST_CASE_FIXTURE(World, "a draft that writes nothing of its own does not apply") {
  put("lab", body_of("*", {{"heating", 9}}, 20));
  const Json tried = try_out("winter", body_of("*", {{"heating", 2}}, 10));
  CHECK(tried["matched"] == 3);
  CHECK(tried["targets"][0]["applies"] == false);
}

TEST_CASE_FIXTURE(World, "of equal priorities the newer one is stronger, and one that is replaced keeps its age") {
  put("older", body_of("*", {{"heating", 1}}, 10));
  put("newer", body_of("*", {{"heating", 2}}, 10));
  CHECK(try_out("newest", body_of("*", {{"heating", 3}}, 10))["targets"][0]["ranks"][0]["id"] == "newest");
  const Json again = try_out("older", body_of("*", {{"heating", 1}}, 10));
  CHECK(again["keepsContent"] == true);
  CHECK(again["targets"][0]["ranks"].size() == 2);
  CHECK(again["targets"][0]["ranks"][0]["id"] == "newer");
  CHECK(again["targets"][0]["overruled"][0]["by"] == "newer");
}

TEST_CASE_FIXTURE(World, "modules and other families are told apart") {
  create("d1", "m1");
  Json body{{"content", {{"moduleContent", {{"properties.desired.level", 1}}}}},
            {"targetCondition", "from devices.modules where moduleId = 'm1'"},
            {"priority", 1}};
  put("of-devices", body_of("*", {{"level", 9}}, 50));
  const Json tried = try_out("of-modules", body);
  CHECK(tried["family"] == "module");
  REQUIRE(tried["targets"].size() == 1);
  CHECK(tried["targets"][0]["module"] == "m1");
  CHECK(tried["targets"][0]["ranks"].size() == 1);
}

TEST_CASE_FIXTURE(World, "a layered deployment is told that it needs a base, and a base that a stronger one stands") {
  hub::IdentityWrite edge;
  edge.iot_edge = true;
  REQUIRE(hub.registry().put({{"e1"}, {}}, edge, hub::IfMatch::none()));
  const Json layer{{"content", {{"modulesContent", {{"$edgeAgent", {{"properties.desired.modules.m", {{"v", 1}}}}}}}}},
                   {"targetCondition", "*"},
                   {"priority", 1}};
  const Json tried = try_out("layer", layer);
  REQUIRE(tried["valid"] == true);
  CHECK(tried["matched"] == 1);
  CHECK(tried["targets"][0]["device"] == "e1");
  CHECK(tried["targets"][0]["applies"] == false);
  CHECK(tried["targets"][0]["reason"].get<std::string>().find("$edgeAgent") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "what would be refused is told as the service tells it") {
  const Json wrong = try_out("winter", body_of("tags.floor =", {{"heating", 2}}, 10));
  CHECK(wrong["valid"] == false);
  CHECK(wrong["code"] == 400401);
  CHECK(try_out("Not An Id", body_of("*", {{"heating", 2}}, 10))["valid"] == false);
  CHECK(try_out("winter", Json::object())["valid"] == false);
}

TEST_CASE_FIXTURE(World, "an empty condition matches nothing") {
  const Json tried = try_out("winter", body_of("", {{"heating", 2}}, 10));
  CHECK(tried["valid"] == true);
  CHECK(tried["matched"] == 0);
  CHECK(tried["targets"].empty());
}
