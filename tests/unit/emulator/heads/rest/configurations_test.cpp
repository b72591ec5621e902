#include <doctest/doctest.h>

#include "emulator/heads/rest/operations.h"
#include "emulator/hub/twin_json.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

const std::string kBody =
    R"({"id":"c","labels":{"HostPlatform":"SomeValue"},"content":{"deviceContent":{"properties.desired.k":"v"}},)"
    R"("targetCondition":"*","priority":5})";

}  // namespace

TEST_CASE("a configuration's life is the recorded one: created, read, updated, deleted") {
  RestClient client;
  const RestAnswer created = client.request("PUT", "/configurations/c", kBody, {{"If-Match", "\"\""}});
  CHECK(created.status == 200);
  CHECK(created.header("ETag") == "\"MQ==\"");
  CHECK(created.json()["systemMetrics"]["results"].empty());
  client.hub.scheduler.advance(std::chrono::milliseconds{0});

  const RestAnswer read = client.request("GET", "/configurations/c");
  CHECK(read.status == 200);
  CHECK(read.header("ETag") == "\"MQ==\"");
  CHECK(read.json()["systemMetrics"]["results"].dump() == R"({"targetedCount":0,"appliedCount":0})");

  // SDKs post what they have read.
  const RestAnswer updated = client.request("PUT", "/configurations/c", read.body, {{"If-Match", "*"}});
  CHECK(updated.status == 200);
  CHECK(updated.header("ETag") == "\"Mg==\"");
  CHECK(updated.json()["createdTimeUtc"] == created.json()["createdTimeUtc"]);

  const RestAnswer deleted = client.request("DELETE", "/configurations/c", {}, {{"If-Match", "*"}});
  CHECK(deleted.status == 204);
  CHECK(deleted.header("Content-Length") == "0");
  const RestAnswer missing = client.request("GET", "/configurations/c");
  CHECK(missing.status == 404);
  CHECK(missing.header("iothub-errorcode") == "ConfigurationNotFound");
  CHECK(missing.message().starts_with("ErrorCode:ConfigurationNotFound;"));
}

TEST_CASE("configurations are listed whole, whatever top says") {
  RestClient client;
  CHECK(client.request("GET", "/configurations").body == "[]");
  for (const char* id : {"a", "b"}) {
    client.request("PUT", std::string("/configurations/") + id,
                   R"({"content":{"deviceContent":{"properties.desired.k":1}}})");
  }
  const hub::Json list = client.request("GET", "/configurations/?top=1").json();
  REQUIRE(list.size() == 2);
  CHECK(list[0]["id"] == "a");
  CHECK(list[0]["priority"] == 0);
  CHECK(list[0]["labels"].is_null());
}

TEST_CASE("the Python SDK's update, whose etag has no quotes, is a 409 as on the real hub") {
  RestClient client;
  client.request("PUT", "/configurations/c", kBody);
  const RestAnswer answer = client.request("PUT", "/configurations/c", kBody, {{"If-Match", "MQ=="}});
  CHECK(answer.status == 409);
  CHECK(answer.header("iothub-errorcode") == "ConfigurationAlreadyExists");
  CHECK(client.request("PUT", "/configurations/c", kBody, {{"If-Match", "\"MQ==\""}}).status == 200);
  const RestAnswer stale = client.request("PUT", "/configurations/c", kBody, {{"If-Match", "\"MQ==\""}});
  CHECK(stale.status == 412);
  CHECK(stale.header("iothub-errorcode") == "PreconditionFailed");
}

TEST_CASE("bad configurations are refused with their codes") {
  RestClient client;
  struct Row {
    const char* path;
    const char* body;
    const char* code;
  };
  for (const Row& row :
       {Row{"/configurations/c", "", "ArgumentInvalid"}, Row{"/configurations/C", "{}", "ArgumentInvalid"},
        Row{"/configurations/c", "{}", "InvalidConfigurationContent"},
        Row{"/configurations/c", R"({"content":{"deviceContent":{"properties.desired.k":1}},"targetCondition":"x="})",
            "InvalidConfigurationTargetCondition"}}) {
    CAPTURE(row.body);
    const RestAnswer answer = client.request("PUT", row.path, row.body);
    CHECK(answer.status == 400);
    CHECK(answer.header("iothub-errorcode") == row.code);
  }
}

TEST_CASE("testQueries answers 200 with the errors in the body") {
  RestClient client;
  const RestAnswer answer = client.request("POST", "/configurations/testQueries",
                                           R"({"targetCondition":"*","customMetricQueries":{"m":"x"}})");
  CHECK(answer.status == 200);
  CHECK(answer.json()["targetConditionError"].is_string());
  CHECK(answer.json()["customMetricQueryErrors"]["m"].is_string());
}

TEST_CASE("applyConfigurationContent answers 204 for an edge device and 400 for any other") {
  RestClient client;
  client.hub.create("leaf");
  client.request("PUT", "/devices/e", R"({"deviceId":"e","capabilities":{"iotEdge":true}})");
  const std::string content = R"({"modulesContent":{"$edgeAgent":{"properties.desired":{"schemaVersion":"1.1"}}}})";
  CHECK(client.request("POST", "/devices/e/applyConfigurationContent", content).status == 204);
  CHECK(client.request("GET", "/twins/e/modules/$edgeAgent").json()["properties"]["desired"]["schemaVersion"] == "1.1");
  const RestAnswer refused = client.request("POST", "/devices/leaf/applyConfigurationContent", content);
  CHECK(refused.status == 400);
  CHECK(refused.message() == "ErrorCode:ArgumentInvalid;Not an Azure IoT Edge device");
  CHECK(client.request("POST", "/devices/x/applyConfigurationContent", content).status == 404);
}
