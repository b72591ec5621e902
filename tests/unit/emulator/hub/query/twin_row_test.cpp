#include "emulator/hub/query/twin_row.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub::query;
using hub::Json;

namespace {

class IdleLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override {}
};

struct Fixture : test::TestHub {
  /// A device and its module whose twins show every member there is.
  Fixture() {
    create("full");
    create("full", "m");
    create("plain");
    for (const char* module : {"", "m"}) {
      storage::IdentityRow identity = *store->identity("full", module);
      identity.status_reason = "spare";
      identity.status_updated_time = 637'000'000'000'000'000;
      identity.device_scope = "ms-azure-iot-edge://full-1";
      identity.parent_scopes = R"(["ms-azure-iot-edge://parent-1"])";
      identity.primary_thumbprint = "0123456789ABCDEF";
      identity.authentication_type = "selfSigned";
      identity.iot_edge = *module == '\0';
      identity.enabled = *module != '\0';
      REQUIRE(store->update_identity(identity));
      storage::TwinRow twin = *store->twin("full", module);
      twin.etag = 3;
      twin.version = 9;
      twin.tags = R"({"site":{"floor":7,"open":true},"list":[1,{"x":null}],"ratio":2.0})";
      twin.desired = R"({"mode":"on","nested":{"a":{"b":1.50}}})";
      twin.desired_metadata =
          R"({"$lastUpdated":"2024-01-01T00:00:00Z","mode":{"$lastUpdated":"2024-01-02T00:00:00Z"}})";
      twin.desired_version = 4;
      twin.reported = R"({"mode":"off","desired":"not the section"})";
      twin.reported_metadata = R"({"$lastUpdated":"2024-02-01T00:00:00Z"})";
      twin.reported_version = 5;
      twin.model_id = "dtmi:example:Thermostat;1";
      twin.configurations = R"({"fw-1":{"status":"Applied"}})";
      REQUIRE(store->update_twin(twin));
    }
  }

  TwinRow row(const char* device, const char* module = "") {
    return TwinRow(*store, hub.links(), *store->identity(device, module));
  }
};

Path path_of(std::initializer_list<Path::Step> steps) {
  return Path{steps};
}

/// Calls back for every node of the document, with the path that leads there.
void walk(const Json& node, Path& path, const std::function<void(const Path&, const Json&)>& visit) {
  if (!path.steps.empty()) visit(path, node);
  const auto below = [&](Path::Step step, const Json& child) {
    path.steps.push_back(std::move(step));
    walk(child, path, visit);
    path.steps.pop_back();
  };
  if (node.is_object()) {
    for (const auto& [name, child] : node.items()) below(name, child);
  } else if (node.is_array()) {
    for (std::size_t i = 0; i < node.size(); ++i) below(i, node[i]);
  }
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "every path of a twin leads to what the twin shows there, and one step further to nothing") {
  for (const auto& [device, module] : {std::pair("full", ""), {"full", "m"}, {"plain", ""}}) {
    CAPTURE(std::string(device) + "/" + module);
    const Json document = row(device, module).document();
    int visited = 0;
    Path path;
    walk(document, path, [&](const Path& here, const Json& expected) {
      CAPTURE(here.text());
      ++visited;
      const TwinRow fresh = row(device, module);  // each path finds its way without another's parsed documents
      const std::optional<Json> found = fresh.json(here);
      REQUIRE(found);
      CHECK(found->dump() == expected.dump());
      const std::optional<Json> value = to_json(fresh.resolve(here));
      REQUIRE(value);
      CHECK(*value == expected);
      for (const Path::Step& step : {Path::Step("no such member"), Path::Step(std::size_t{99})}) {
        Path further = here;
        further.steps.push_back(step);
        CHECK(std::holds_alternative<Undefined>(fresh.resolve(further)));
        CHECK_FALSE(fresh.json(further));
      }
    });
    CHECK(visited > (*device == 'f' ? 45 : 20));
  }
}

TEST_CASE_FIXTURE(Fixture, "what a twin does not show is undefined") {
  const TwinRow plain = row("plain");
  for (const char* name : {"moduleId", "statusReason", "tags", "configurations", "deviceScope", "parentScopes",
                           "generationId", "devices", "nonsense"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(plain.document().contains(name));
    CHECK(std::holds_alternative<Undefined>(plain.resolve(path_of({name}))));
    CHECK(std::holds_alternative<Undefined>(plain.resolve(path_of({name, "x"}))));
  }
  const TwinRow module = row("full", "m");
  CHECK(std::get<bool>(module.resolve(path_of({"capabilities", "iotEdge"}))) ==
        false);  // in rows of queries (recorded)
  CHECK(std::holds_alternative<Undefined>(module.resolve(path_of({"properties", "other", "$version"}))));
  CHECK(std::holds_alternative<Undefined>(module.resolve(path_of({std::size_t{0}}))));
  CHECK(std::holds_alternative<Undefined>(module.resolve(path_of({"tags", std::size_t{0}}))));
}

TEST_CASE_FIXTURE(Fixture, "a connected device says so, with its last activity") {
  IdleLink link;
  const auto attachment = hub.links().attach({{"plain"}}, link);
  CHECK(row("plain").resolve(path_of({"connectionState"})) == Value(std::string("Connected")));
  CHECK(row("full").resolve(path_of({"connectionState"})) == Value(std::string("Disconnected")));
  CHECK(row("plain").resolve(path_of({"lastActivityTime"})) ==
        Value(row("plain").document()["lastActivityTime"].get<std::string>()));
}

TEST_CASE_FIXTURE(Fixture, "only the documents that a path asks for are parsed") {
  const TwinRow members = row("full");
  for (const char* name : {"deviceId", "status", "etag", "deviceEtag", "connectionState", "lastActivityTime", "version",
                           "modelId", "authenticationType", "statusUpdateTime", "deviceScope"}) {
    members.resolve(path_of({name}));
  }
  members.resolve(path_of({"capabilities", "iotEdge"}));
  members.resolve(path_of({"properties", "reported", "$version"}));
  CHECK(members.parsed_bytes() == 0);
  const TwinRow tags = row("full");
  tags.resolve(path_of({"tags", "site", "floor"}));
  tags.resolve(path_of({"tags", "list"}));
  CHECK(tags.parsed_bytes() == store->twin("full", "")->tags.size());
}
