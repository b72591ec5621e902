#include "emulator/hub/twins.h"

#include <doctest/doctest.h>

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

const hub::Identity kDevice{{"d"}};
const hub::Identity kModule{{"d"}, {"m"}};

struct Fixture : test::TestHub {
  Fixture() {
    create("d");
    create("d", "m");
    attachment = hub.links().attach(kModule, link);
  }
  hub::Twins& twins() { return hub.twins(); }
  Json patch(const char* body, const IfMatch& if_match = IfMatch::none()) {
    return hub::twin_to_json(twins().patch(kModule, Json::parse(body), if_match).value());
  }
  Json replace(const char* body) {
    return hub::twin_to_json(twins().replace(kModule, Json::parse(body), IfMatch::any()).value());
  }

  RecordingLink link;
  hub::Links::Attachment attachment;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a new twin is version 2 with desired and reported at 1; a module's times are never") {
  const Json device = hub::twin_to_json(twins().get(kDevice).value());
  CHECK(device["etag"] == "AAAAAAAAAAE=");
  CHECK(device["version"] == 2);
  CHECK(device["properties"]["desired"].dump() ==
        R"({"$metadata":{"$lastUpdated":")" + text::iso_time(clock.now()) + R"("},"$version":1})");
  CHECK_FALSE(device.contains("tags"));
  const Json module = hub::twin_to_json(twins().get(kModule).value());
  CHECK(module["properties"]["reported"].dump() ==
        R"({"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1})");
  CHECK_FALSE(module.contains("capabilities"));
  CHECK(twins().get({{"d"}, {"M"}}).error().code == ErrorCode::DeviceNotFound);
}

TEST_CASE_FIXTURE(Fixture,
                  "a desired patch moves etag, version and desired.$version once and reaches the module as posted") {
  const Json twin = patch(R"({"tags":{"t":1},"properties":{"desired":{"telemetryInterval":122,"gone":null}}})");
  CHECK(twin["etag"] == "AAAAAAAAAAI=");
  CHECK(twin["version"] == 3);
  CHECK(twin["properties"]["desired"]["$version"] == 2);
  CHECK(link.payloads == std::vector<std::string>{R"({"telemetryInterval":122,"gone":null,"$version":2})"});
}

TEST_CASE_FIXTURE(Fixture, "tags alone tell the device nothing and leave desired.$version") {
  const Json twin = patch(R"({"tags":{"t":1}})");
  CHECK(twin["version"] == 3);
  CHECK(twin["properties"]["desired"]["$version"] == 1);
  CHECK(link.payloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "a patch of nothing but no-ops answers the unchanged twin") {
  const Json before = hub::twin_to_json(twins().get(kModule).value());
  for (const char* body :
       {"{}", R"({"tags":null})", R"({"properties":{"desired":{}}})", R"({"properties":{"desired":{"x":null}}})"}) {
    CAPTURE(body);
    CHECK(patch(body) == before);
  }
  CHECK(link.payloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "a read-back twin may be posted whole: only tags and desired count (recorded)") {
  const Json twin =
      patch(R"({"deviceId":"d","etag":"AAAAAAAAAAE=","version":2,"status":"disabled","connectionState":"Connected",)"
            R"("properties":{"desired":{"$metadata":{"$lastUpdated":"x"},"$version":1,"username":"userA"},)"
            R"("reported":{"hacked":true,"$version":1}}})");
  CHECK(twin["status"] == "enabled");
  CHECK(twin["properties"]["reported"].contains("hacked") == false);
  CHECK(twin["properties"]["desired"]["username"] == "userA");
  CHECK(link.payloads == std::vector<std::string>{R"({"username":"userA","$version":2})"});
}

TEST_CASE_FIXTURE(Fixture, "a desired patch with a stale etag is refused with 412001") {
  patch(R"({"tags":{"a":1}})", IfMatch::parse("\"AAAAAAAAAAE=\""));
  const auto stale = twins().patch(kModule, Json::parse(R"({"tags":{"a":2}})"), IfMatch::parse("\"AAAAAAAAAAE=\""));
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == ErrorCode::PreconditionFailed);
  CHECK(stale.error().message == "ETag mismatch for device ID 'd'");
}

TEST_CASE_FIXTURE(Fixture, "a replacement clears what it leaves out and tells the difference") {
  patch(R"({"tags":{"old":1},"properties":{"desired":{"a":1,"b":2}}})");
  link.payloads.clear();
  const Json twin = replace(R"({"properties":{"desired":{"a":1,"c":100}}})");
  CHECK_FALSE(twin.contains("tags"));
  CHECK(link.payloads == std::vector<std::string>{R"({"a":1,"c":100,"b":null,"$version":3})"});
}

TEST_CASE_FIXTURE(Fixture, "a reported patch moves version and reported.$version, not the etag") {
  CHECK(twins().patch_reported(kModule, Json::parse(R"({"fw":"1","gone":null})")).value() == 2);
  const Json twin = hub::twin_to_json(twins().get(kModule).value());
  CHECK(twin["etag"] == "AAAAAAAAAAE=");
  CHECK(twin["version"] == 3);
  CHECK(twin["properties"]["reported"]["fw"] == "1");
  CHECK(link.payloads.empty());
  CHECK(hub::device_twin_text(*twins().get(kModule)->twin) ==
        R"({"desired":{"$version":1},"reported":{"fw":"1","$version":2}})");
}

TEST_CASE_FIXTURE(Fixture, "a reported patch that names another $version is refused with 412") {
  CHECK(twins().patch_reported(kModule, Json::parse(R"({"a":1,"$version":1})")));
  CHECK(twins().patch_reported(kModule, Json::parse(R"({"a":1,"$version":1})")).error().code ==
        ErrorCode::PreconditionFailed);
  CHECK(twins().patch_reported(kModule, Json::parse(R"([1])")).error().code == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "a section over its limit changes nothing") {
  Json big = {{"properties", {{"desired", Json::object()}}}};
  for (int i = 0; i < 9; ++i) big["properties"]["desired"]["k" + std::to_string(i)] = std::string(4000, 'x');
  CHECK(twins().patch(kModule, big, IfMatch::none()).error().code == ErrorCode::ArgumentInvalid);
  CHECK(twins().get(kModule)->twin->version == 2);
  CHECK(link.payloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "two modules of one device do not see each other's patches") {
  create("d", "other");
  REQUIRE(twins().patch({{"d"}, {"other"}}, Json::parse(R"({"properties":{"desired":{"x":1}}})"), IfMatch::none()));
  CHECK(link.payloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "a body that is no twin is refused with 400004") {
  for (const char* body : {"[]", "1", R"({"tags":[]})", R"({"properties":5})", R"({"properties":{"desired":"x"}})",
                           R"({"tags":{"a.b":1}})", R"({"tags":{"a":[null]}})"}) {
    CAPTURE(body);
    CHECK(twins().patch(kModule, Json::parse(body), IfMatch::none()).error().code == ErrorCode::ArgumentInvalid);
  }
}
