#include <doctest/doctest.h>

#include <utility>

#include "emulator/heads/rest/operations.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

const std::string kPatch = R"({"tags":{"floor":2},"properties":{"desired":{"speed":7}}})";

}  // namespace

TEST_CASE("a new twin is these members in this order") {
  RestClient client;
  const std::string etag = hub::identity_etag(client.hub.create("d").row.etag);
  const RestAnswer answer = client.request("GET", "/twins/d");
  CHECK(answer.status == 200);
  CHECK(answer.header("ETag") == "(none)");
  CHECK(answer.header("Content-Type") == "application/json; charset=utf-8");
  CHECK(answer.body ==
        R"({"deviceId":"d","etag":"AAAAAAAAAAE=","deviceEtag":")" + etag +
            R"(","status":"enabled","statusUpdateTime":"0001-01-01T00:00:00Z","connectionState":"Disconnected",)"
            R"("lastActivityTime":"0001-01-01T00:00:00Z","cloudToDeviceMessageCount":0,"authenticationType":"sas",)"
            R"("x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"modelId":"","version":2,)"
            R"("properties":{"desired":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z"},"$version":1},)"
            R"("reported":{"$metadata":{"$lastUpdated":"2026-11-22T02:33:52Z"},"$version":1}},)"
            R"("capabilities":{"iotEdge":false}})");
}

TEST_CASE("twins of an api-version that is older than model ids have none, in queries neither") {
  RestClient client;
  client.hub.create("d");
  const std::string query = R"({"query":"SELECT * FROM devices"})";
  for (const char* version : {"2016-11-14", "2020-03-13"}) {
    CAPTURE(version);
    const std::string suffix = "?api-version=" + std::string(version);
    CHECK_FALSE(client.request("GET", "/twins/d" + suffix).json().contains("modelId"));
    CHECK_FALSE(client.request("PATCH", "/twins/d" + suffix, kPatch).json().contains("modelId"));
    CHECK_FALSE(client.request("POST", "/devices/query" + suffix, query).json().at(0).contains("modelId"));
  }
  for (const char* version : {"2020-05-31-preview", "2020-09-30", "2021-04-12"}) {
    CAPTURE(version);
    const std::string suffix = "?api-version=" + std::string(version);
    CHECK(client.request("GET", "/twins/d" + suffix).json().at("modelId") == "");
    CHECK(client.request("POST", "/devices/query" + suffix, query).json().at(0).at("modelId") == "");
  }
}

TEST_CASE("a stale etag of a twin is refused with a tracking text without a gateway's number") {
  RestClient client;
  client.hub.create("d");
  const RestAnswer stale = client.request("PATCH", "/twins/d", kPatch, {{"If-Match", "\"AAAAAAAAAAk=\""}});
  CHECK(stale.status == 412);
  const auto tracking = stale.json().at("ExceptionMessage").get<std::string>();
  CHECK(tracking.starts_with("Tracking ID:"));
  CHECK(tracking.find("-G:") == std::string::npos);
  CHECK(tracking.find("-TimeStamp:") == std::string_view("Tracking ID:").size() + 32);
}

TEST_CASE("a patch merges, a replacement replaces, of devices and modules") {
  RestClient client;
  client.hub.create("d");
  client.hub.create("d", "m");
  for (const char* path : {"/twins/d", "/twins/d/modules/m"}) {
    CAPTURE(path);
    const RestAnswer patched = client.request("PATCH", path, kPatch);
    CHECK(patched.status == 200);
    CHECK(patched.header("ETag") == "(none)");
    const hub::Json after_patch = patched.json();
    CHECK(after_patch.at("etag") == "AAAAAAAAAAI=");
    CHECK(after_patch.at("version") == 3);
    CHECK(after_patch.at("tags").at("floor") == 2);
    CHECK(after_patch.at("properties").at("desired").at("speed") == 7);
    CHECK(after_patch.at("properties").at("desired").at("$version") == 2);
    CHECK(client.request("GET", path).json() == after_patch);

    const hub::Json replaced =
        client.request("PUT", path, R"({"properties":{"desired":{"light":true}}})", {{"If-Match", "\"*\""}}).json();
    CHECK(!replaced.contains("tags"));
    CHECK(!replaced.at("properties").at("desired").contains("speed"));
    CHECK(replaced.at("properties").at("desired").at("light") == true);
    CHECK(replaced.at("properties").at("desired").at("$version") == 3);
  }
  CHECK(client.request("GET", "/twins/d/modules/m").json().at("moduleId") == "m");
}

TEST_CASE("a twin read back whole may be posted whole") {
  RestClient client;
  client.hub.create("d");
  const std::string whole = client.request("PATCH", "/twins/d", kPatch).body;
  const RestAnswer answer = client.request("PATCH", "/twins/d", whole);
  CHECK(answer.status == 200);
  CHECK(answer.json().at("properties").at("desired").at("speed") == 7);
}

TEST_CASE("a stale twin etag is refused with 412001, a current one and none are not") {
  RestClient client;
  client.hub.create("d");
  client.hub.create("d", "m");
  for (const char* path : {"/twins/d", "/twins/d/modules/m"}) {
    for (const char* method : {"PATCH", "PUT"}) {
      CAPTURE(path);
      CAPTURE(method);
      const std::string etag = client.request("GET", path).json().at("etag").get<std::string>();
      CHECK(client.request(method, path, kPatch, {{"If-Match", '"' + etag + '"'}}).status == 200);
      const RestAnswer stale = client.request(method, path, kPatch, {{"If-Match", '"' + etag + '"'}});
      CHECK(stale.status == 412);
      CHECK(stale.header("iothub-errorcode") == "PreconditionFailed");
      CHECK(stale.message() == "ErrorCode:PreconditionFailed;ETag mismatch for device ID 'd'");
      CHECK(client.request(method, path, kPatch).status == 200);
    }
  }
}

TEST_CASE("a missing twin is DeviceNotFound, also a module's") {
  RestClient client;
  client.hub.create("d");
  for (const auto& [path, device] : {std::pair("/twins/x", "x"), std::pair("/twins/x/modules/m", "x"),
                                     std::pair("/twins/d/modules/m", "d"), std::pair("/twins/D", "D")}) {
    for (const char* method : {"GET", "PATCH", "PUT"}) {
      CAPTURE(path);
      CAPTURE(method);
      const RestAnswer answer = client.request(method, path, method == std::string("GET") ? "" : "{}");
      CHECK(answer.status == 404);
      CHECK(answer.header("iothub-errorcode") == "DeviceNotFound");
      CHECK(answer.message() == "ErrorCode:DeviceNotFound;" + std::string(device));
    }
  }
}

TEST_CASE("a twin body that cannot be is refused with 400004 and changes nothing") {
  RestClient client;
  client.hub.create("d");
  for (const char* body :
       {"", "nonsense", "[]", R"({"tags":[]})", R"({"properties":5})", R"({"properties":{"desired":"x"}})",
        R"({"tags":{"a.b":1}})", R"({"properties":{"desired":{"a":[null]}}})"}) {
    CAPTURE(body);
    const RestAnswer answer = client.request("PATCH", "/twins/d", body);
    CHECK(answer.status == 400);
    CHECK(answer.header("iothub-errorcode") == "ArgumentInvalid");
    CHECK(answer.message().starts_with("ErrorCode:ArgumentInvalid;"));
  }
  CHECK(client.request("GET", "/twins/d").json().at("version") == 2);
}
