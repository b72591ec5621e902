#include "emulator/hub/configurations.h"

#include <doctest/doctest.h>

#include <deque>

#include "emulator/hub/twin_json.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::IfMatch;
using hub::Json;

namespace {

class RecordingLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange& change) override { payloads.push_back(change.payload); }
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override {}
  std::vector<std::string> payloads;
};

/// A body that sets `values` below properties.desired where `condition` holds.
Json body_of(const std::string& condition, const Json& values, int priority = 0) {
  Json content = Json::object();
  for (const auto& [path, value] : values.items()) content["properties.desired." + path] = value;
  return {{"content", {{"deviceContent", content}}}, {"targetCondition", condition}, {"priority", priority}};
}

struct Fixture : test::TestHub {
  hub::Configurations& configurations() { return hub.configurations(); }
  Json put(const std::string& id, const Json& body, const IfMatch& if_match = IfMatch::none()) {
    const hub::Result<Json> answer = configurations().put(id, body, if_match);
    REQUIRE(answer);
    return *answer;
  }
  /// All that waits to be settled and counted at once.
  void settle() { scheduler.advance(std::chrono::milliseconds{0}); }
  Json twin(const std::string& device, const std::string& module = {}) {
    return hub::twin_to_json(hub.twins().get({{device}, {module}}).value());
  }
  Json desired(const std::string& device, const std::string& module = {}) {
    Json values = twin(device, module)["properties"]["desired"];
    values.erase("$metadata");
    values.erase("$version");
    return values;
  }
  std::string status(const std::string& id, const std::string& device, const std::string& module = {}) {
    const Json json = twin(device, module);
    if (!json.contains("configurations") || !json["configurations"].contains(id)) return "(none)";
    return json["configurations"][id]["status"].get<std::string>();
  }
  void tag(const std::string& device, const Json& tags, const std::string& module = {}) {
    REQUIRE(hub.twins().patch({{device}, {module}}, {{"tags", tags}}, IfMatch::none()));
  }
  void create_edge(const std::string& device) {
    hub::IdentityWrite write;
    write.iot_edge = true;
    REQUIRE(hub.registry().put({{device}}, write, IfMatch::none()));
  }
  ErrorCode refusal(const std::string& id, const Json& body) {
    const hub::Result<Json> answer = configurations().put(id, body, IfMatch::none());
    REQUIRE_FALSE(answer);
    return answer.error().code;
  }
  Json results(const std::string& id, const char* of = "systemMetrics") {
    return configurations().get(id).value()[of]["results"];
  }
};

const Json kAgent = {
    {"properties.desired", {{"schemaVersion", "1.1"}, {"modules", {{"sensor", {{"type", "docker"}}}}}}}};
const Json kHub = {{"properties.desired", {{"routes", {{"up", "FROM /* INTO $upstream"}}}}}};

Json deployment_of(const std::string& condition, const Json& modules, int priority = 0) {
  return {{"content", {{"modulesContent", modules}}}, {"targetCondition", condition}, {"priority", priority}};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a new configuration is these members in this order, and counted a moment later") {
  Json body = body_of("*", {{"key", "value"}}, 7);
  body["id"] = "c";
  body["labels"] = {{"HostPlatform", "SomeValue"}};
  const std::string now = text::iso_time(clock.now());
  const std::string until_results =
      R"({"id":"c","schemaVersion":null,"labels":{"HostPlatform":"SomeValue"},)"
      R"("content":{"deviceContent":{"properties.desired.key":"value"}},"targetCondition":"*","createdTimeUtc":")" +
      now + R"(","lastUpdatedTimeUtc":")" + now + R"(","priority":7,"systemMetrics":{"results":)";
  const std::string after_results =
      R"(,"queries":{"targetedCount":"select deviceId from devices",)"
      R"("appliedCount":"select deviceId from devices where configurations.[[c]].status = 'Applied'"}},)"
      R"("metrics":{"results":{},"queries":{}},"etag":"MQ=="})";
  create("d");
  CHECK(put("c", body).dump() == until_results + "{}" + after_results);
  settle();
  CHECK(configurations().get("c")->dump() == until_results + R"({"targetedCount":1,"appliedCount":1})" + after_results);
  CHECK(configurations().list().size() == 1);
  clock.advance(1);
  body["id"] = "a";
  put("a", body);
  CHECK(configurations().list().at(0).at("id") == "c");  // as they were made
  CHECK(configurations().list().at(1).at("id") == "a");
  CHECK(configurations().get("x").error().code == ErrorCode::ConfigurationNotFound);
}

TEST_CASE_FIXTURE(Fixture,
                  "an update moves the etag and lastUpdatedTimeUtc and keeps the content, whatever the body says") {
  const Json first = put("c", body_of("*", {{"a", 1}}));
  clock.advance(60);
  Json body = body_of("tags.x = 1", {{"b", 2}}, 9);
  body["schemaVersion"] = "1.0";
  const Json second = put("c", body, IfMatch::any());
  CHECK(second["etag"] == "Mg==");
  CHECK(second["createdTimeUtc"] == first["createdTimeUtc"]);
  CHECK(second["lastUpdatedTimeUtc"] == text::iso_time(clock.now()));
  CHECK(second["content"] == first["content"]);
  CHECK(second["targetCondition"] == "tags.x = 1");
  CHECK(second["schemaVersion"] == "1.0");
  CHECK(second["priority"] == 9);
  body.erase("content");
  CHECK(configurations().put("c", body, IfMatch::any()).error().code == ErrorCode::InvalidConfigurationContent);
}

TEST_CASE("If-Match of a configuration: none creates, star and quoted values update, unquoted values are not heard") {
  struct Row {
    const char* header;  ///< null: none
    bool exists;
    bool lenient;
    int refusal;  ///< 0: accepted
  };
  for (const Row& row :
       {Row{nullptr, false, false, 0}, Row{nullptr, true, false, 409401}, Row{"\"\"", false, false, 0},
        Row{"\"\"", true, false, 409401}, Row{"*", true, false, 0}, Row{"\"*\"", true, false, 0},
        Row{"*", false, false, 404301}, Row{"\"MQ==\"", true, false, 0}, Row{"\"MQ==\"", false, false, 404301},
        Row{"\"Mg==\"", true, false, 412001}, Row{"MQ==", true, false, 409401}, Row{"MQ==", true, true, 0},
        Row{"Mg==", true, true, 412001}, Row{"MQ==", false, false, 0}}) {
    CAPTURE(row.header);
    CAPTURE(row.exists);
    CAPTURE(row.lenient);
    test::FakeClock clock;
    test::FakeScheduler scheduler;
    test::FakeRandom random;
    const auto store = storage::SqliteStore::in_memory({});
    hub::HubOptions options = test::TestHub::options({"localhost"});
    options.lenient = row.lenient;
    hub::Hub hub(options, *store, clock, scheduler, random);
    if (row.exists) REQUIRE(hub.configurations().put("c", body_of("*", {{"a", 1}}), IfMatch::none()));
    const auto header = row.header == nullptr ? std::nullopt : std::optional<std::string_view>(row.header);
    const auto answer = hub.configurations().put("c", body_of("*", {{"a", 1}}), IfMatch::parse(header));
    CHECK((answer ? 0 : static_cast<int>(answer.error().code)) == row.refusal);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a configuration is deleted with no etag, any, or its own; a stale one is refused with 412001") {
  for (const char* header : {"", "*", "\"MQ==\""}) {
    put("c", body_of("*", {{"a", 1}}));
    CHECK(configurations().remove("c", IfMatch::parse("\"Mg==\"")).error().code == ErrorCode::PreconditionFailed);
    CHECK(configurations().remove("c", IfMatch::parse(header)));
    CHECK(configurations().remove("c", IfMatch::parse(header)).error().code == ErrorCode::ConfigurationNotFound);
  }
}

TEST_CASE_FIXTURE(Fixture, "ids are 1 to 128 of a-z, 0-9 and - + % _ * ! '") {
  for (const std::string& id : {std::string("a"), std::string("a-0+%_*!'"), std::string(128, 'z')}) {
    CAPTURE(id);
    put(id, body_of("", {{"a", 1}}));
  }
  for (const std::string& id : {std::string("A"), std::string("a.b"), std::string("a b"), std::string(129, 'z')}) {
    CAPTURE(id);
    CHECK(refusal(id, body_of("", {{"a", 1}})) == ErrorCode::ArgumentInvalid);
  }
}

TEST_CASE_FIXTURE(Fixture, "what a body may have wrong has its own code") {
  const Json good = body_of("*", {{"a", 1}});
  const auto with = [&](const char* pointer, const Json& value) {
    Json body = good;
    body[Json::json_pointer(pointer)] = value;
    return body;
  };
  const auto target = [&](const char* condition) { return with("/targetCondition", condition); };
  const auto content = [&](const char* text) { return with("/content", Json::parse(text)); };
  struct Row {
    Json body;
    ErrorCode code;
  };
  const auto kTarget = ErrorCode::InvalidConfigurationTargetCondition;
  const auto kContent = ErrorCode::InvalidConfigurationContent;
  for (const Row& row :
       {Row{target("tags.x ="), kTarget},
        Row{target("properties.desired.x = 1"), kTarget},
        Row{target("status = 'enabled'"), kTarget},
        Row{target("moduleId = 'm'"), kTarget},
        Row{target("tags.a = 1 OR is_defined(capabilities.iotEdge)"), kTarget},
        Row{target("from devices.modules where tags.x = 1"), kTarget},
        Row{with("/targetCondition", 1), ErrorCode::ArgumentInvalid},
        Row{content("{}"), kContent},
        Row{content("null"), kContent},
        Row{content("[]"), kContent},
        Row{content(R"({"deviceContent":{"tags.x":1}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desiredx":1}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desired.":1}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desired.a..b":1}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desired":1}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desired.a":{"b c":1}}})"), kContent},
        Row{content(R"({"deviceContent":5})"), kContent},
        Row{content(R"({"modulesContent":{"$edgeHub":{"properties.desired":{}}}})"), kContent},
        Row{content(R"({"modulesContent":{"$edgeAgent":{},"$other":{}}})"), kContent},
        Row{content(R"({"modulesContent":{"$edgeAgent":{},"a b":{}}})"), kContent},
        Row{content(R"({"modulesContent":{"$edgeAgent":{"properties.desired.modules.a b":1}}})"), kContent},
        Row{content(R"({"deviceContent":{"properties.desired.a":1},"modulesContent":{"$edgeAgent":{}}})"), kContent},
        Row{with("/metrics", {{"queries", {{"m", "SELECT"}}}}), ErrorCode::InvalidConfigurationCustomMetricsQuery},
        Row{with("/metrics", {{"queries", {{"m", "SELECT * FROM devices.jobs"}}}}),
            ErrorCode::InvalidConfigurationCustomMetricsQuery},
        Row{with("/metrics", {{"queries", {{"m", 1}}}}), ErrorCode::ArgumentInvalid},
        Row{with("/priority", -1), ErrorCode::ArgumentInvalid},
        Row{with("/priority", 1.5), ErrorCode::ArgumentInvalid},
        Row{with("/labels", {{"a", 1}}), ErrorCode::ArgumentInvalid},
        Row{with("/schemaVersion", 1), ErrorCode::ArgumentInvalid},
        Row{with("/id", "other"), ErrorCode::ArgumentInvalid},
        Row{Json::array(), ErrorCode::ArgumentInvalid}}) {
    CAPTURE(row.body.dump());
    CHECK(refusal("c", row.body) == row.code);
  }
  CHECK(configurations().list().empty());
  // Members that SDKs send empty do not count as content.
  put("c", content(R"({"deviceContent":{"properties.desired.a":1},"modulesContent":null,"moduleContent":{}})"));
  CHECK(configurations().get("c").value()["content"].dump() == R"({"deviceContent":{"properties.desired.a":1}})");
}

TEST_CASE_FIXTURE(Fixture, "the hundred-and-first configuration is refused with 413101") {
  for (int i = 0; i < 100; ++i) put("c" + std::to_string(i), body_of("", {{"a", 1}}));
  CHECK(refusal("one-more", body_of("", {{"a", 1}})) == ErrorCode::ConfigurationCountLimitExceeded);
  put("c5", body_of("", {{"a", 1}}), IfMatch::any());
}

TEST_CASE_FIXTURE(Fixture, "a configuration writes the twins that match, tells the device, and signs its leaves") {
  create("d");
  create("other");
  tag("d", {{"site", "munich"}});
  RecordingLink link;
  const auto attachment = hub.links().attach({{"d"}}, link);
  const Json before = twin("d");
  const Json answer =
      put("c", body_of("tags.site = 'munich'", {{"water", {{"temperature", 66}, {"valve", {{"open", true}}}}}}));
  CHECK(twin("d") == before);  // not inside the request
  settle();

  const Json after = twin("d");
  CHECK(desired("d").dump() == R"({"water":{"temperature":66,"valve":{"open":true}}})");
  CHECK(after.dump().find(R"("configurations":{"c":{"status":"Applied"}},"capabilities":{)") != std::string::npos);
  CHECK(after["version"] == before["version"].get<int>() + 1);
  CHECK(after["properties"]["desired"]["$version"] == 2);
  CHECK(after["etag"] == hub::twin_etag(3));
  const std::string now = text::iso_time(clock.now());
  const std::string digest = std::to_string(text::parse_iso_time(answer["createdTimeUtc"].get<std::string>())->ticks);
  const Json& metadata = after["properties"]["desired"]["$metadata"];
  CHECK(metadata["water"]["temperature"].dump() ==
        R"({"$lastUpdated":")" + now + R"(","$lastUpdatedVersion":2,"$lastUpdatedBy":"c","$lastUpdatedByDigest":")" +
            digest + R"("})");
  CHECK_FALSE(metadata["water"].contains("$lastUpdatedBy"));
  CHECK_FALSE(metadata.contains("$lastUpdatedBy"));
  CHECK(link.payloads ==
        std::vector<std::string>{R"({"water":{"temperature":66,"valve":{"open":true}},"$version":2})"});
  CHECK(desired("other").empty());
  CHECK(status("c", "other") == "(none)");
}

TEST_CASE_FIXTURE(Fixture,
                  "a device comes into a configuration by its tags, its reported properties, or its creation") {
  put("tags", body_of("tags.a = 1", {{"byTags", true}}));
  put("reported", body_of("properties.reported.model = '4000x'", {{"byReported", true}}));
  put("id", body_of("deviceId IN ['d', 'e']", {{"byId", true}}));
  put("none", body_of("", {{"never", true}}));
  settle();
  create("d");
  settle();
  CHECK(desired("d").dump() == R"({"byId":true})");
  tag("d", {{"a", 1}});
  REQUIRE(hub.twins().patch_reported({{"d"}}, {{"model", "4000x"}}));
  CHECK(desired("d").dump() == R"({"byId":true})");
  settle();
  CHECK(desired("d").dump() == R"({"byId":true,"byTags":true,"byReported":true})");
  CHECK(status("none", "d") == "(none)");
  // An empty condition has an empty query (recorded) and counts nothing.
  CHECK(configurations().get("none").value()["systemMetrics"]["queries"]["targetedCount"] == "");
  CHECK(results("none").dump() == R"({"targetedCount":0,"appliedCount":0})");
}

TEST_CASE_FIXTURE(Fixture, "of two configurations that write one path the higher priority wins, of equals the newer") {
  create("d");
  put("low", body_of("*", {{"x", "low"}, {"only-low", 1}}, 1));
  put("high", body_of("*", {{"x", "high"}}, 2));
  put("lowest", body_of("*", {{"x", "lowest"}}, 0));
  settle();
  CHECK(desired("d").dump() == R"({"only-low":1,"x":"high"})");
  CHECK(status("low", "d") == "Applied");  // in part
  CHECK(status("high", "d") == "Applied");
  CHECK(status("lowest", "d") == "Targeted");
  CHECK(results("lowest").dump() == R"({"targetedCount":1,"appliedCount":0})");
  clock.advance(1);
  put("newer", body_of("*", {{"x", "newer"}}, 2));
  settle();
  CHECK(desired("d")["x"] == "newer");
  CHECK(status("high", "d") == "Targeted");
  put("high", body_of("*", {{"x", "high"}}, 3), IfMatch::any());
  settle();
  CHECK(desired("d")["x"] == "high");
  CHECK(status("newer", "d") == "Targeted");
}

TEST_CASE_FIXTURE(Fixture,
                  "a device that leaves the condition loses the settings and takes those of the next configuration") {
  create("d");
  tag("d", {{"a", 1}, {"b", 1}});
  put("a", body_of("tags.a = 1", {{"x", "a"}, {"deep", {{"er", {{"y", 1}}}}}}, 2));
  put("b", body_of("tags.b = 1", {{"x", "b"}}, 1));
  REQUIRE(hub.twins().patch({{"d"}}, {{"properties", {{"desired", {{"own", 1}}}}}}, IfMatch::none()));
  settle();
  CHECK(desired("d").dump() == R"({"own":1,"x":"a","deep":{"er":{"y":1}}})");
  RecordingLink link;
  const auto attachment = hub.links().attach({{"d"}}, link);
  tag("d", {{"a", nullptr}});
  settle();
  CHECK(desired("d").dump() == R"({"own":1,"x":"b"})");
  CHECK(link.payloads == std::vector<std::string>{R"({"deep":null,"x":"b","$version":4})"});
  CHECK(twin("d")["configurations"].dump() == R"({"b":{"status":"Applied"}})");
  put("b", body_of("tags.b = 2", {{"x", "b"}}, 1), IfMatch::any());
  settle();
  CHECK(desired("d").dump() == R"({"own":1})");
  CHECK_FALSE(twin("d").contains("configurations"));
}

TEST_CASE_FIXTURE(Fixture, "a deleted configuration leaves what it has written, and the next one is applied over it") {
  create("d");
  put("a", body_of("*", {{"x", "a"}, {"y", "a"}}, 2));
  put("b", body_of("*", {{"x", "b"}}, 1));
  settle();
  REQUIRE(configurations().remove("a", IfMatch::none()));
  settle();
  CHECK(desired("d").dump() == R"({"x":"b","y":"a"})");
  CHECK(twin("d")["configurations"].dump() == R"({"b":{"status":"Applied"}})");
  REQUIRE(configurations().remove("b", IfMatch::none()));
  settle();
  CHECK(desired("d").dump() == R"({"x":"b","y":"a"})");
  CHECK_FALSE(twin("d").contains("configurations"));
  // One of the same name is another one.
  put("b", body_of("tags.none = 1", {{"x", "b2"}}));
  put("other", body_of("*", {{"z", 1}}));
  settle();
  CHECK(desired("d")["x"] == "b");
}

TEST_CASE_FIXTURE(Fixture, "what is deleted and made anew before anything was settled writes its new content") {
  create("d");
  put("c", body_of("*", {{"x", 1}}));
  settle();
  REQUIRE(configurations().remove("c", IfMatch::none()));
  put("c", body_of("*", {{"x", 2}}));
  settle();
  CHECK(desired("d")["x"] == 2);
}

TEST_CASE_FIXTURE(Fixture, "settings changed by hand stay so until the configuration is updated") {
  create("d");
  put("c", body_of("*", {{"x", 1}, {"y", 1}}));
  settle();
  REQUIRE(hub.twins().patch({{"d"}}, {{"properties", {{"desired", {{"x", 9}, {"y", nullptr}}}}}}, IfMatch::none()));
  settle();
  put("unrelated", body_of("", {{"z", 1}}));
  settle();
  CHECK(desired("d").dump() == R"({"x":9})");
  const Json version = twin("d")["version"];
  put("c", body_of("*", {{"x", 1}, {"y", 1}}), IfMatch::any());
  settle();
  CHECK(desired("d").dump() == R"({"x":1,"y":1})");
  CHECK(twin("d")["version"] == version.get<int>() + 1);
}

TEST_CASE_FIXTURE(Fixture, "a status alone moves no version and tells the device nothing") {
  create("d");
  put("high", body_of("*", {{"x", "high"}}, 2));
  settle();
  RecordingLink link;
  const auto attachment = hub.links().attach({{"d"}}, link);
  Json before = twin("d");
  put("low", body_of("*", {{"x", "low"}}, 1));
  settle();
  Json after = twin("d");
  CHECK(status("low", "d") == "Targeted");
  CHECK(after["version"] == before["version"]);
  CHECK(after["etag"] == before["etag"]);
  CHECK(after["properties"] == before["properties"]);
  CHECK(link.payloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "a null in the content removes a property") {
  create("d");
  REQUIRE(hub.twins().patch({{"d"}}, {{"properties", {{"desired", {{"x", 1}, {"y", 1}}}}}}, IfMatch::none()));
  put("c", body_of("*", {{"x", nullptr}}));
  settle();
  CHECK(desired("d").dump() == R"({"y":1})");
  CHECK(status("c", "d") == "Applied");
}

TEST_CASE_FIXTURE(Fixture, "content that would make desired too large is not applied, and the status says Targeted") {
  create("d");
  Json big = Json::object();
  for (int i = 0; i < 8; ++i) big["k" + std::to_string(i)] = std::string(4000, 'x');
  REQUIRE(hub.twins().patch({{"d"}}, {{"properties", {{"desired", big}}}}, IfMatch::none()));
  put("c", body_of("*", {{"more", std::string(4000, 'x')}}));
  settle();
  CHECK_FALSE(desired("d").contains("more"));
  CHECK(status("c", "d") == "Targeted");
  Json huge = Json::object();
  for (int i = 0; i < 9; ++i) huge["k" + std::to_string(i)] = std::string(4000, 'x');
  CHECK(refusal("huge", body_of("*", huge)) == ErrorCode::InvalidConfigurationContent);
}

TEST_CASE_FIXTURE(Fixture,
                  "custom metrics count the rows of their queries, soon after twins change and every five minutes") {
  for (const char* device : {"d1", "d2", "d3"}) create(device);
  Json body = body_of("*", {{"x", 1}});
  body["metrics"]["queries"] = {
      {"pending", "SELECT deviceId FROM devices WHERE properties.reported.x.status = 'pending'"},
      {"connected", "SELECT deviceId FROM devices WHERE connectionState = 'Connected'"},
      {"groups", "SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site"},
      {"total", "SELECT COUNT() AS n FROM devices WHERE tags.none = 1"},
      {"top", "SELECT TOP 2 deviceId FROM devices"},
      {"modules", "SELECT moduleId FROM devices.modules"}};
  put("c", body);
  settle();
  CHECK(results("c", "metrics").dump() == R"({"pending":0,"connected":0,"groups":1,"total":1,"top":2,"modules":0})");
  create("d1", "m");
  tag("d1", {{"site", "here"}});
  REQUIRE(hub.twins().patch_reported({{"d2"}}, {{"x", {{"status", "pending"}}}}));
  settle();
  CHECK(results("c", "metrics")["pending"] == 0);
  scheduler.advance(std::chrono::seconds{1});
  CHECK(results("c", "metrics").dump() == R"({"pending":1,"connected":0,"groups":2,"total":1,"top":2,"modules":1})");
  RecordingLink link;
  const auto attachment = hub.links().attach({{"d3"}}, link);
  scheduler.advance(std::chrono::minutes{5});
  CHECK(results("c", "metrics")["connected"] == 1);
  REQUIRE(hub.registry().remove({{"d2"}}, IfMatch::any()));
  scheduler.advance(std::chrono::seconds{1});
  CHECK(results("c").dump() == R"({"targetedCount":2,"appliedCount":2})");
}

TEST_CASE_FIXTURE(Fixture, "a module configuration writes the twins of modules that match") {
  create("d");
  create("d", "m");
  create("d", "n");
  tag("d", {{"kind", "x"}}, "m");
  Json body = {{"content", {{"moduleContent", {{"properties.desired.rate", 5}}}}},
               {"targetCondition", "FROM devices.modules WHERE tags.kind = 'x' AND moduleId = 'm'"}};
  const Json answer = put("c", body);
  CHECK(answer["systemMetrics"]["queries"]["targetedCount"] ==
        "select deviceId, moduleId FROM devices.modules WHERE tags.kind = 'x' AND moduleId = 'm'");
  settle();
  CHECK(desired("d", "m").dump() == R"({"rate":5})");
  CHECK(status("c", "d", "m") == "Applied");
  CHECK(desired("d", "n").empty());
  CHECK(desired("d").empty());
  CHECK(results("c").dump() == R"({"targetedCount":1,"appliedCount":1})");
  tag("d", {{"kind", "y"}}, "m");
  settle();
  CHECK(desired("d", "m").empty());
  for (const char* condition : {"*", "tags.kind = 'x'", "from devices.modules"}) {
    body["targetCondition"] = condition;
    CHECK(refusal("bad", body) == ErrorCode::InvalidConfigurationTargetCondition);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a deployment replaces what the modules of edge devices have, makes modules, and is counted") {
  create_edge("e");
  create("leaf");
  REQUIRE(hub.twins().patch({{"e"}, {"$edgeHub"}}, {{"properties", {{"desired", {{"old", 1}}}}}}, IfMatch::none()));
  const Json answer = put(
      "dep", deployment_of(
                 "*", {{"$edgeAgent", kAgent}, {"$edgeHub", kHub}, {"own", {{"properties.desired", {{"rate", 1}}}}}}));
  const std::string applied =
      "select deviceId from devices.modules where moduleId = '$edgeAgent' and configurations.[[dep]].status = "
      "'Applied'";
  const std::string reported = applied +
                               " and properties.desired.$version = properties.reported.lastDesiredVersion"
                               " and properties.reported.lastDesiredStatus.code ";
  CHECK(answer["systemMetrics"]["queries"] ==
        Json({{"targetedCount", "select deviceId from devices where capabilities.iotEdge = true"},
              {"appliedCount", applied},
              {"reportedSuccessfulCount", reported + "= 200"},
              {"reportedFailedCount", reported + "!= 200"}}));
  settle();
  CHECK(desired("e", "$edgeAgent") == kAgent["properties.desired"]);
  CHECK(desired("e", "$edgeHub") == kHub["properties.desired"]);
  CHECK(desired("e", "own").dump() == R"({"rate":1})");
  CHECK(status("dep", "e", "$edgeAgent") == "Applied");
  CHECK(twin("e", "$edgeAgent")["properties"]["desired"]["$metadata"]["schemaVersion"]["$lastUpdatedBy"] == "dep");
  const hub::IdentityView sensor = hub.registry().get({{"e"}, {"sensor"}}).value();
  CHECK(sensor.row.managed_by == "iotEdge");
  CHECK(sensor.row.authentication_type == "sas");
  CHECK_FALSE(twin("leaf").contains("configurations"));

  REQUIRE(hub.twins().patch_reported({{"e"}, {"$edgeAgent"}},
                                     {{"lastDesiredVersion", 2}, {"lastDesiredStatus", {{"code", 200}}}}));
  scheduler.advance(std::chrono::seconds{1});
  CHECK(results("dep").dump() ==
        R"({"targetedCount":1,"appliedCount":1,"reportedSuccessfulCount":1,"reportedFailedCount":0})");
  CHECK(twin("e", "$edgeAgent")["properties"]["desired"]["$version"] == 2);  // settled once
}

TEST_CASE_FIXTURE(Fixture,
                  "layered deployments stand over the highest base below them, and leave with their condition") {
  create_edge("e");
  tag("e", {{"extra", 1}});
  const Json layer = {{"$edgeAgent", {{"properties.desired.modules.extra", {{"type", "docker"}}}}},
                      {"extra", {{"properties.desired.mode", "on"}}}};
  put("lost", deployment_of("*", {{"$edgeAgent", {{"properties.desired.modules.lost", {{"a", 1}}}}}}, 1));
  put("old", deployment_of("*", {{"$edgeAgent", kAgent}}, 2));
  put("base", deployment_of("*", {{"$edgeAgent", kAgent}, {"$edgeHub", kHub}}, 5));
  put("layer", deployment_of("tags.extra = 1", layer, 6));
  settle();
  CHECK(desired("e", "$edgeAgent")["modules"].dump() == R"({"sensor":{"type":"docker"},"extra":{"type":"docker"}})");
  CHECK(desired("e", "extra").dump() == R"({"mode":"on"})");
  const Json statuses = twin("e", "$edgeAgent")["configurations"];
  CHECK(statuses.dump() == R"({"base":{"status":"Applied"},"layer":{"status":"Applied"},)"
                           R"("lost":{"status":"Targeted"},"old":{"status":"Targeted"}})");
  tag("e", {{"extra", nullptr}});
  settle();
  CHECK(desired("e", "$edgeAgent") == kAgent["properties.desired"]);
  CHECK(desired("e", "extra").empty());
  CHECK(status("layer", "e", "$edgeAgent") == "(none)");
}

TEST_CASE_FIXTURE(Fixture,
                  "an edge device that leaves its only deployment is cleared; one whose deployment is deleted is not") {
  for (const char* device : {"e", "f"}) {
    create_edge(device);
    tag(device, {{"on", 1}});
  }
  put("dep", deployment_of("tags.on = 1", {{"$edgeAgent", kAgent}, {"$edgeHub", kHub}}));
  settle();
  tag("e", {{"on", nullptr}});
  settle();
  CHECK(desired("e", "$edgeAgent").empty());
  CHECK(desired("e", "$edgeHub").empty());
  CHECK_FALSE(twin("e", "$edgeAgent").contains("configurations"));
  REQUIRE(configurations().remove("dep", IfMatch::none()));
  settle();
  CHECK(desired("f", "$edgeAgent") == kAgent["properties.desired"]);
  CHECK_FALSE(twin("f", "$edgeAgent").contains("configurations"));
}

TEST_CASE_FIXTURE(Fixture, "content applied to one device stays until its deployment is updated") {
  create_edge("e");
  put("dep", deployment_of("*", {{"$edgeAgent", kAgent}}));
  settle();
  const Json direct = {{"modulesContent", {{"$edgeAgent", {{"properties.desired", {{"schemaVersion", "1.0"}}}}}}}};
  REQUIRE(configurations().apply_content({"e"}, direct));
  CHECK(desired("e", "$edgeAgent").dump() == R"({"schemaVersion":"1.0"})");  // at once
  tag("e", {{"any", 1}});
  settle();
  CHECK(desired("e", "$edgeAgent").dump() == R"({"schemaVersion":"1.0"})");
  put("dep", deployment_of("*", {{"$edgeAgent", kAgent}}, 3), IfMatch::any());
  settle();
  CHECK(desired("e", "$edgeAgent") == kAgent["properties.desired"]);
}

TEST_CASE_FIXTURE(Fixture, "applyConfigurationContent writes modules and device, makes modules, and tells them") {
  create_edge("e");
  RecordingLink link;
  const auto attachment = hub.links().attach({{"e"}, {"$edgeAgent"}}, link);
  REQUIRE(configurations().apply_content(
      {"e"}, {{"modulesContent", {{"$edgeAgent", kAgent}, {"mine", {{"properties.desired", {{"a", 1}}}}}}},
              {"deviceContent", {{"properties.desired.b", 2}}}}));
  CHECK(desired("e", "$edgeAgent") == kAgent["properties.desired"]);
  CHECK(desired("e", "mine").dump() == R"({"a":1})");
  CHECK(desired("e").dump() == R"({"b":2})");
  CHECK(hub.registry().get({{"e"}, {"sensor"}}));
  CHECK(link.payloads.size() == 1);
  CHECK_FALSE(twin("e", "mine")["properties"]["desired"]["$metadata"]["a"].contains("$lastUpdatedBy"));
  REQUIRE(configurations().apply_content(
      {"e"}, {{"modulesContent", {{"$edgeAgent", {{"properties.desired", Json::object()}}}}}}));
  CHECK(desired("e", "$edgeAgent").empty());
}

TEST_CASE_FIXTURE(Fixture, "applyConfigurationContent refuses what it cannot write whole, and then writes nothing") {
  create("leaf");
  create_edge("e");
  const auto refused = [&](const std::string& device, const Json& body) {
    return configurations().apply_content({device}, body).error();
  };
  const Json good = {{"modulesContent", {{"$edgeAgent", kAgent}}}};
  CHECK(refused("x", good).code == ErrorCode::DeviceNotFound);
  CHECK(refused("leaf", good).code == ErrorCode::ArgumentInvalid);
  CHECK(refused("leaf", good).message == "Not an Azure IoT Edge device");
  CHECK(refused("e", Json::object()).code == ErrorCode::InvalidConfigurationContent);
  CHECK(refused("e", {{"deviceContent", {{"properties.desired.b", 2}}}}).code ==
        ErrorCode::InvalidConfigurationContent);
  CHECK(refused("e", {{"modulesContent", {{"$edgeHub", kHub}}}}).code == ErrorCode::InvalidConfigurationContent);
  Json many = good;
  for (int i = 0; i < 49; ++i) many["modulesContent"]["m" + std::to_string(i)] = kHub;
  CHECK(refused("e", many).code == ErrorCode::TooManyModulesOnDevice);
  create("e", "zbig");
  Json big = Json::object();
  for (int i = 0; i < 8; ++i) big["k" + std::to_string(i)] = std::string(4000, 'x');
  REQUIRE(hub.twins().patch({{"e"}, {"zbig"}}, {{"properties", {{"desired", big}}}}, IfMatch::none()));
  Json too_large = good;
  too_large["modulesContent"]["zbig"]["properties.desired.more"] = std::string(4000, 'x');
  CHECK(refused("e", too_large).code == ErrorCode::ArgumentInvalid);
  CHECK(desired("e", "$edgeAgent").empty());
  CHECK(hub.registry().modules({"e"})->size() == 3);
}

TEST_CASE("testQueries tells in its answer what is wrong") {
  const Json good = hub::test_configuration_queries({{"targetCondition", "tags.a = 1"},
                                                     {"customMetricQueries", {{"m", "SELECT deviceId FROM devices"}}}})
                        .value();
  CHECK(good.dump() == R"({"targetConditionError":null,"customMetricQueryErrors":{}})");
  const Json bad =
      hub::test_configuration_queries(
          {{"targetCondition", "tags.a ="}, {"customMetricQueries", {{"m", "SELEC"}, {"n", "SELECT * FROM devices"}}}})
          .value();
  CHECK(bad["targetConditionError"].get<std::string>().find("position 8") != std::string::npos);
  CHECK(bad["customMetricQueryErrors"].contains("m"));
  CHECK_FALSE(bad["customMetricQueryErrors"].contains("n"));
  CHECK(hub::test_configuration_queries({{"targetCondition", "*"}}).value()["targetConditionError"].is_string());
  CHECK(hub::test_configuration_queries({{"targetCondition", "from devices.modules where tags.a = 1"}})
            .value()["targetConditionError"]
            .is_null());
  CHECK(hub::test_configuration_queries(Json::array()).error().code == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "configurations outlive the process, and what was not settled is then") {
  create("d");
  Json body = body_of("*", {{"x", 1}}, 4);
  body["metrics"]["queries"]["m"] = "SELECT deviceId FROM devices";
  body["labels"] = {{"a", "b"}};
  const Json answer = put("c", body);
  test::FakeScheduler later;
  hub::Hub second(options({"localhost"}), *store, clock, later, random);
  CHECK(second.configurations().get("c").value() == answer);
  later.advance(std::chrono::milliseconds{0});
  CHECK(hub::twin_to_json(second.twins().get({{"d"}}).value())["properties"]["desired"]["x"] == 1);
  CHECK(second.configurations().get("c").value()["metrics"]["results"]["m"] == 1);
}

TEST_CASE_FIXTURE(Fixture, "a configuration whose commit is lost is gone, and a lost removal comes back") {
  create("d");
  put("kept", body_of("*", {{"x", 1}}));
  settle();
  REQUIRE(hub.commit());
  put("lost", body_of("*", {{"y", 1}}));
  REQUIRE(configurations().remove("kept", IfMatch::none()));
  hub.roll_back();
  CHECK(configurations().get("lost").error().code == ErrorCode::ConfigurationNotFound);
  CHECK(configurations().get("kept"));
  tag("d", {{"a", 1}});
  scheduler.advance(std::chrono::seconds{6});
  CHECK(desired("d").dump() == R"({"x":1})");
}

TEST_CASE("many devices are settled in slices, and a change meanwhile does not wait for the last of them") {
  class StepScheduler final : public hub::Scheduler {
   public:
    TimerId after(std::chrono::milliseconds delay, std::function<void()> action) override {
      if (delay.count() == 0) waiting.emplace_back(++last_, std::move(action));
      return last_;
    }
    void cancel(TimerId id) override {
      std::erase_if(waiting, [id](const auto& entry) { return entry.first == id; });
    }
    bool step() {
      if (waiting.empty()) return false;
      auto action = std::move(waiting.front().second);
      waiting.pop_front();
      action();
      return true;
    }
    std::deque<std::pair<TimerId, std::function<void()>>> waiting;
    TimerId last_ = 0;
  };
  test::FakeClock clock;
  test::FakeRandom random;
  StepScheduler scheduler;
  const auto store = storage::SqliteStore::in_memory({});
  hub::Hub hub(test::TestHub::options({"localhost"}), *store, clock, scheduler, random);
  while (scheduler.step()) {  // what a hub does when it starts
  }
  const auto create = [&](const std::string& id) { REQUIRE(hub.registry().put({{id}}, {}, IfMatch::none())); };
  const auto is_written = [&](const std::string& id) {
    return !hub.twins().get({{id}}).value().twin->desired.values.empty();
  };
  for (int i = 0; i < 300; ++i) create("d" + std::to_string(i));
  REQUIRE(hub.configurations().put("c", body_of("*", {{"x", 1}}), IfMatch::none()));
  REQUIRE(scheduler.step());
  int written = 0;
  for (int i = 0; i < 300; ++i) written += is_written("d" + std::to_string(i)) ? 1 : 0;
  CHECK(written > 0);
  CHECK(written <= 60);
  create("zz");
  REQUIRE(scheduler.step());
  CHECK(is_written("zz"));
  int steps = 0;
  while (scheduler.step()) ++steps;
  CHECK(steps >= 4);
  for (int i = 0; i < 300; ++i) CHECK(is_written("d" + std::to_string(i)));
  CHECK(hub.configurations().get("c").value()["systemMetrics"]["results"].dump() ==
        R"({"targetedCount":301,"appliedCount":301})");
}
