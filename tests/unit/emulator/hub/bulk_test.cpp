#include "emulator/hub/bulk.h"

#include <doctest/doctest.h>

#include "emulator/hub/twin_json.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::Json;

namespace {

struct Fixture : test::TestHub {
  Json run(const std::string& entries) {
    return hub::run_bulk(hub.registry(), hub.twins(), Json::parse(entries)).value();
  }
  ErrorCode refusal(const Json& entries) { return hub::run_bulk(hub.registry(), hub.twins(), entries).error().code; }
  std::string etag(const char* device) { return hub::identity_etag(hub.registry().get({{device}})->row.etag); }
};

constexpr const char* kOk = R"({"isSuccessful":true,"errors":[],"warnings":[]})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "devices are created and deleted in bulk (recorded)") {
  CHECK(run(R"([{"id":"a","importMode":"create","status":"enabled"},{"id":"b","importMode":"create"}])").dump() == kOk);
  CHECK(hub.registry().get({{"a"}})->row.primary_key);
  CHECK(run(R"([{"id":"a","importMode":"delete"},{"id":"b","importMode":"deleteIfMatchETag"}])").dump() == kOk);
  CHECK_FALSE(hub.registry().get({{"a"}}));
}

TEST_CASE_FIXTURE(Fixture, "an entry that fails is named by number and does not stop the others") {
  run(R"([{"id":"a"}])");
  CHECK(
      run(R"([{"id":"a","importMode":"create"},{"id":"b","importMode":"update"},{"id":"c","importMode":"CREATE"},{"id":"d","importMode":"what"}])")
          .dump() ==
      R"({"isSuccessful":false,"errors":[)"
      R"({"deviceId":"a","errorCode":409001,"errorStatus":"A device with ID 'a' is already registered."},)"
      R"({"deviceId":"b","errorCode":404001,"errorStatus":"b"},)"
      R"({"deviceId":"d","errorCode":400004,"errorStatus":"Invalid importMode 'what'"}],"warnings":[]})");
  CHECK(hub.registry().get({{"c"}}));
}

TEST_CASE_FIXTURE(Fixture, "the If-Match modes compare the entry's etag, quoted or not") {
  run(R"([{"id":"a"},{"id":"b"}])");
  const std::string quoted = "\\\"" + etag("a") + "\\\"";
  CHECK(run(R"([{"id":"a","importMode":"updateIfMatchETag","eTag":")" + quoted + R"(","status":"disabled"}])").dump() ==
        kOk);
  CHECK(run(R"([{"id":"a","importMode":"updateIfMatchETag","eTag":")" + quoted + R"("}])")["errors"][0]["errorCode"] ==
        412001);
  CHECK(run(R"([{"id":"b","importMode":"deleteIfMatchETag","eTag":"stale"}])")["errors"][0]["errorCode"] == 412001);
  // Node's spelling (azure-iothub 1.16.6).
  CHECK(run(R"([{"id":"b","importMode":"UpdateIfMatchETag","etag":"stale"}])")["errors"][0]["errorCode"] == 412001);
  CHECK(run(R"([{"id":"b","importMode":"createOrUpdate","statusReason":"x"}])").dump() == kOk);
  CHECK(hub.registry().get({{"b"}})->row.status_reason == "x");
}

TEST_CASE_FIXTURE(Fixture, "twins are written by their own modes and with a creation") {
  run(R"([{"id":"a","importMode":"create","tags":{"floor":1},"properties":{"desired":{"x":1}}}])");
  CHECK(hub.twins().get({{"a"}})->twin->tags.dump() == R"({"floor":1})");
  CHECK(run(R"([{"id":"a","importMode":"updateTwin","tags":{"floor":2}}])").dump() == kOk);
  CHECK(hub.twins().get({{"a"}})->twin->desired.values.dump() == R"({"x":1})");
  CHECK(run(R"([{"id":"a","importMode":"updateTwinIfMatchETag","twinETag":"AAAAAAAAAAE=","tags":{"floor":3}}])")
            ["errors"][0]["errorCode"] == 412001);
}

TEST_CASE_FIXTURE(Fixture, "tags and desired properties of a creation are the first versions of its twin") {
  run(R"([{"id":"a","importMode":"create","properties":{"desired":{"user":"userA"}}}])");
  const Json device = twin_to_json(*hub.twins().get({{"a"}}));
  CHECK(device["etag"] == "AAAAAAAAAAE=");
  CHECK(device["version"] == 2);
  CHECK(device["properties"].dump() ==
        R"({"desired":{"user":"userA","$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z","$lastUpdatedVersion":1,)"
        R"("user":{"$lastUpdated":"0001-01-01T00:00:00Z","$lastUpdatedVersion":1}},"$version":1},)"
        R"("reported":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z"},"$version":1}})");

  run(R"([{"id":"a","moduleId":"m","importMode":"create","properties":{"desired":{"user":"userA"}}}])");
  const Json module = twin_to_json(*hub.twins().get({{"a"}, {"m"}}));
  CHECK(module["etag"] == "AAAAAAAAAAE=");
  CHECK(module["version"] == 2);
  CHECK(module["properties"].dump() ==
        R"({"desired":{"user":"userA","$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":1,)"
        R"("user":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":1}},"$version":1},)"
        R"("reported":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":1},"$version":1}})");

  run(R"([{"id":"a","moduleId":"n","importMode":"create"}])");
  CHECK(twin_to_json(*hub.twins().get({{"a"}, {"n"}}))["properties"].dump() ==
        R"({"desired":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":1},"$version":1},)"
        R"("reported":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z","$lastUpdatedVersion":1},"$version":1}})");

  run(R"([{"id":"b","importMode":"create","tags":{"t":1},"properties":{"desired":{"gone":null}}}])");
  const Json tagged = twin_to_json(*hub.twins().get({{"b"}}));
  CHECK(tagged["version"] == 2);
  CHECK(tagged["properties"]["desired"]["$version"] == 1);
}

TEST_CASE_FIXTURE(Fixture, "modules are entries with a moduleId; each identity may be named once only") {
  run(R"([{"id":"a"}])");
  CHECK(run(R"([{"id":"a","moduleId":"m","importMode":"create"},{"id":"a","moduleId":"l"},{"id":"b"}])").dump() == kOk);
  CHECK(hub.registry().get({{"a"}, {"m"}}));
  CHECK(hub.registry().get({{"a"}, {"l"}}));
  CHECK(refusal(Json::parse(R"([{"id":"a","moduleId":"n"},{"id":"a","moduleId":"n"}])")) ==
        ErrorCode::DeviceDefinedMultipleTimes);
  CHECK(refusal(Json::parse(R"([{"id":"a"},{"id":"a","importMode":"delete"}])")) ==
        ErrorCode::DeviceDefinedMultipleTimes);
  CHECK(refusal(Json::parse(R"([{"id":"a","moduleId":"m","importMode":"updateTwin"},)"
                            R"({"id":"a","moduleId":"l","importMode":"updateTwin"}])")) ==
        ErrorCode::DeviceDefinedMultipleTimes);
  Json many = Json::array();
  for (int i = 0; i < 101; ++i) many.push_back({{"id", "d" + std::to_string(i)}});
  CHECK(refusal(many) == ErrorCode::TooManyDevices);
  CHECK_FALSE(hub.registry().get({{"d0"}}));
  for (const char* body : {"{}", "[1]", "[{}]", R"([{"id":5}])"})
    CHECK(refusal(Json::parse(body)) == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "keys are regenerated one or both, and the answer says which failed") {
  const auto before = create("a").row;
  const auto some = hub::regenerate_keys(
      hub.registry(), Json::parse(R"({"policyKey":"primaryKey","devices":[{"id":"a"},{"id":"z"}]})"));
  REQUIRE(some);
  CHECK(some->http_status == 207);
  CHECK(some->body["rotatedKeys"][0]["secondaryKey"] == *before.secondary_key);
  CHECK(some->body["rotatedKeys"][0]["primaryKey"] != *before.primary_key);
  CHECK(some->body["errors"].dump() == R"([{"id":"z","moduleId":null,"errorCode":404001,"errorStatus":"z"}])");
  CHECK(hub::regenerate_keys(hub.registry(), Json::parse(R"({"policyKey":"both","devices":[{"id":"a"}]})"))
            ->http_status == 200);
  CHECK(hub::regenerate_keys(hub.registry(), Json::parse(R"({"policyKey":"both","devices":[{"id":"z"}]})"))
            ->http_status == 400);
  CHECK(hub::regenerate_keys(hub.registry(), Json::parse(R"({"policyKey":"all","devices":[]})")).error().code ==
        ErrorCode::InvalidPolicyKey);
}

TEST_CASE_FIXTURE(Fixture, "a device whose twin part is refused is registered without it, which is a warning") {
  const Json result = run(R"([{"id":"a","importMode":"create","tags":{"a.b":1}}])");
  CHECK(result["isSuccessful"] == true);
  CHECK(result["warnings"][0]["deviceId"] == "a");
  CHECK(result["warnings"][0]["warningCode"] == "DeviceRegisteredWithoutTwin");
  CHECK(hub.registry().get({{"a"}}));
  CHECK(run(R"([{"id":"a","importMode":"update","tags":{"a.b":1}}])")["errors"][0]["errorCode"] == 400004);
}
