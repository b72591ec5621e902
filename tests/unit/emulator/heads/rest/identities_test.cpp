#include <doctest/doctest.h>

#include "emulator/heads/rest/operations.h"
#include "emulator/hub/device_link.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

struct FakeLink final : hub::DeviceLink {
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd end) override { ends.push_back(end); }
  std::vector<hub::LinkEnd> ends;
};

/// Expects a refusal in form A.
void check_refused(const RestAnswer& answer, int status, const std::string& code, const std::string& text) {
  CHECK(answer.status == status);
  CHECK(answer.header("iothub-errorcode") == code);
  CHECK(answer.header("ETag") == "(none)");
  CHECK(answer.message() == "ErrorCode:" + code + ";" + text);
  CHECK(answer.json().at("ExceptionMessage").get<std::string>().starts_with("Tracking ID:"));
}

std::string etag_of(const RestAnswer& answer) {
  return answer.json().at("etag").get<std::string>();
}

}  // namespace

TEST_CASE("a device is created with 200, generated keys, and its members in the hub's order") {
  RestClient client;
  const RestAnswer answer = client.request("PUT", "/devices/d", R"({"deviceId":"d"})");
  CHECK(answer.status == 200);
  CHECK(answer.reason == "OK");
  CHECK(answer.header("Content-Type") == "application/json; charset=utf-8");
  const hub::Json json = answer.json();
  CHECK(answer.header("ETag") == '"' + etag_of(answer) + '"');
  const hub::Json& keys = json.at("authentication").at("symmetricKey");
  CHECK(answer.body ==
        R"({"deviceId":"d","generationId":)" + json.at("generationId").dump() + R"(,"etag":")" + etag_of(answer) +
            R"(","connectionState":"Disconnected","status":"enabled","statusReason":null,)"
            R"("connectionStateUpdatedTime":"0001-01-01T00:00:00","statusUpdatedTime":"0001-01-01T00:00:00",)"
            R"("lastActivityTime":"0001-01-01T00:00:00","cloudToDeviceMessageCount":0,)"
            R"("authentication":{"symmetricKey":{"primaryKey":)" +
            keys.at("primaryKey").dump() + R"(,"secondaryKey":)" + keys.at("secondaryKey").dump() +
            R"(},"x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"type":"sas"},)"
            R"("capabilities":{"iotEdge":false}})");
  CHECK(keys.at("primaryKey").get<std::string>().size() == 44);
  CHECK(keys.at("primaryKey") != keys.at("secondaryKey"));
}

TEST_CASE("a device is read with its etag in header and body") {
  RestClient client;
  const std::string etag = hub::identity_etag(client.hub.create("d").row.etag);
  const RestAnswer answer = client.request("GET", "/devices/d");
  CHECK(answer.status == 200);
  CHECK(answer.header("ETag") == '"' + etag + '"');
  CHECK(etag_of(answer) == etag);
  CHECK(answer.json().at("lastActivityTime") == "0001-01-01T00:00:00Z");  // with Z once it is no creation
}

TEST_CASE("ids are case-sensitive and percent-decoded, a plus stays a plus") {
  RestClient client;
  CHECK(client.request("PUT", "/devices/a%2Bb%23c", R"({"deviceId":"a+b#c"})").status == 200);
  CHECK(client.request("GET", "/devices/a+b%23c").json().at("deviceId") == "a+b#c");
  check_refused(client.request("GET", "/devices/A%2Bb%23c"), 404, "DeviceNotFound", "A+b#c");
  check_refused(client.request("PUT", "/devices/a%2Fb", R"({"deviceId":"a/b"})"), 400, "ArgumentInvalid", "Invalid id");
}

TEST_CASE("creating a device that exists is a conflict, even with its etag in the body") {
  RestClient client;
  client.hub.create("d");
  const std::string body = client.request("GET", "/devices/d").body;
  const std::string text = "A device with ID 'd' is already registered.";
  check_refused(client.request("PUT", "/devices/d", body), 409, "DeviceAlreadyExists", text);
  check_refused(client.request("PUT", "/devices/d", body, {{"If-Match", "\"\""}}), 409, "DeviceAlreadyExists", text);
}

TEST_CASE("updating a device needs its etag, quoted or not, or a star") {
  RestClient client;
  client.hub.create("d");
  const std::string body = R"({"deviceId":"d","status":"disabled","statusReason":"why"})";
  std::string etag = etag_of(client.request("GET", "/devices/d"));
  for (const std::string& if_match : {'"' + etag + '"', std::string("*"), std::string("\"*\"")}) {
    CAPTURE(if_match);
    const RestAnswer updated = client.request("PUT", "/devices/d", body, {{"If-Match", if_match}});
    CHECK(updated.status == 200);
    CHECK(updated.json().at("status") == "disabled");
    CHECK(updated.json().at("statusReason") == "why");
    CHECK(etag_of(updated) != etag);
    etag = etag_of(updated);
  }
  CHECK(client.request("PUT", "/devices/d", body, {{"If-Match", etag}}).status == 200);

  const RestAnswer stale = client.request("PUT", "/devices/d", body, {{"If-Match", '"' + etag + '"'}});
  CHECK(stale.status == 412);
  CHECK(stale.reason == "Precondition Failed");
  CHECK(stale.header("iothub-errorcode") == "PreconditionFailed");
  check_refused(client.request("PUT", "/devices/x", R"({"deviceId":"x"})", {{"If-Match", "*"}}), 404, "DeviceNotFound",
                "x");
}

TEST_CASE("a body that is empty, no JSON, no object or of another device is refused with 400004") {
  RestClient client;
  for (const char* body : {"", "{", "[]", "\"d\"", R"({"deviceId":"other"})", R"({"deviceId":"D"})",
                           R"({"status":"on"})", R"({"status":5})", R"({"a":1,"a":1})"}) {
    CAPTURE(body);
    check_refused(client.request("PUT", "/devices/d", body), 400, "ArgumentInvalid", "BadRequest");
  }
  CHECK(client.hub.hub.registry().devices({}).empty());
}

TEST_CASE("deleting a device needs an If-Match and takes its modules and twins along") {
  RestClient client;
  client.hub.create("d");
  client.hub.create("d", "m");
  FakeLink link;
  const auto attachment = client.hub.hub.links().attach({{"d"}, {}}, link);

  const RestAnswer unconditional = client.request("DELETE", "/devices/d");
  CHECK(unconditional.status == 412);
  CHECK(unconditional.message().find("Etag missing") != std::string::npos);
  CHECK(client.request("DELETE", "/devices/d", {}, {{"If-Match", "\"MQ==\""}}).status == 412);
  CHECK(link.ends.empty());

  CHECK(client.request("DELETE", "/devices/d", {}, {{"If-Match", "\"*\""}}).status == 204);
  CHECK(link.ends == std::vector{hub::LinkEnd::deleted});
  CHECK(client.request("GET", "/devices/d").status == 404);
  CHECK(client.request("GET", "/twins/d").status == 404);
  CHECK(client.request("GET", "/twins/d/modules/m").status == 404);
  check_refused(client.request("DELETE", "/devices/d", {}, {{"If-Match", "*"}}), 404, "DeviceNotFound", "d");
}

TEST_CASE("disabling a device drops its link") {
  RestClient client;
  client.hub.create("d");
  FakeLink link;
  const auto attachment = client.hub.hub.links().attach({{"d"}, {}}, link);
  CHECK(client.request("GET", "/devices/d").json().at("connectionState") == "Connected");
  client.request("PUT", "/devices/d", R"({"deviceId":"d","status":"disabled"})", {{"If-Match", "*"}});
  CHECK(link.ends == std::vector{hub::LinkEnd::disabled});
}

TEST_CASE("devices are listed as many as top says, and any other top means all the hub gives") {
  RestClient client;
  CHECK(client.request("GET", "/devices").body == "[]");
  for (const char* id : {"a", "b", "c"}) client.hub.create(id);
  CHECK(client.request("GET", "/devices").json().size() == 3);
  CHECK(client.request("GET", "/devices/?top=2").json().size() == 2);
  for (const char* top : {"0", "-1", "1001", "many", "2x", ""}) {
    CAPTURE(top);
    CHECK(client.request("GET", std::string("/devices?top=") + top).json().size() == 3);
  }
  CHECK(client.request("GET", "/devices").header("ETag") == "(none)");
}

TEST_CASE("a module is created, read, listed and deleted, never with an ETag header") {
  RestClient client;
  client.hub.create("d");
  const RestAnswer created =
      client.request("PUT", "/devices/d/modules/m", R"({"moduleId":"m","deviceId":"d","managedBy":"me"})");
  CHECK(created.status == 200);
  CHECK(created.header("ETag") == "(none)");
  CHECK(created.body.starts_with(R"({"moduleId":"m","managedBy":"me","deviceId":"d","generationId":")"));
  CHECK(!created.json().contains("status"));

  const RestAnswer read = client.request("GET", "/devices/d/modules/m");
  CHECK(read.status == 200);
  CHECK(read.header("ETag") == "(none)");
  CHECK(etag_of(read) == etag_of(created));
  CHECK(read.json().at("authentication") == created.json().at("authentication"));

  client.request("PUT", "/devices/d/modules/n", R"({"moduleId":"n","deviceId":"d"})");
  CHECK(client.request("GET", "/devices/d/modules").json().size() == 2);
  CHECK(client.request("DELETE", "/devices/d/modules/n").status == 412);
  CHECK(client.request("DELETE", "/devices/d/modules/n", {}, {{"If-Match", "*"}}).status == 204);
  CHECK(client.request("GET", "/devices/d/modules/n").header("iothub-errorcode") == "ModuleNotFound");
  CHECK(client.request("GET", "/devices/d/modules").json().size() == 1);
}

TEST_CASE("creating a module that exists is refused in the bare form") {
  RestClient client;
  client.hub.create("d");
  client.hub.create("d", "m");
  const RestAnswer answer = client.request("PUT", "/devices/d/modules/m", R"({"moduleId":"m","deviceId":"d"})");
  CHECK(answer.status == 409);
  CHECK(answer.header("iothub-errorcode") == "ModuleAlreadyExistsOnDevice");
  const hub::Json json = answer.json();
  CHECK(json.at("errorCode") == 409301);
  CHECK(json.at("message") == "Device d in IotHub localhost already contains Module m.");
  CHECK(!json.contains("Message"));
  CHECK(
      client.request("PUT", "/devices/d/modules/m", R"({"moduleId":"m","deviceId":"d"})", {{"If-Match", "*"}}).status ==
      200);
}

TEST_CASE("modules of a missing or disabled device are refused with 401") {
  RestClient client;
  client.hub.create("off");
  client.hub.create("off", "m");
  client.request("PUT", "/devices/off", R"({"deviceId":"off","status":"disabled"})", {{"If-Match", "*"}});
  for (const std::string device : {"missing", "off"}) {
    CAPTURE(device);
    const std::string path = "/devices/" + device + "/modules";
    const std::string code = "IotHubUnauthorizedAccess";
    check_refused(client.request("GET", path), 401, code, "Unauthorized");
    check_refused(client.request("GET", path + "/m"), 401, code, "Unauthorized");
    check_refused(client.request("PUT", path + "/m", R"({"moduleId":"m"})"), 401, code, "Unauthorized");
    check_refused(client.request("DELETE", path + "/m", {}, {{"If-Match", "*"}}), 401, code, "Unauthorized");
  }
}

TEST_CASE("module ids that start with a dollar are the hub's own") {
  RestClient client;
  client.hub.create("d");
  check_refused(client.request("PUT", "/devices/d/modules/%24mine", R"({"moduleId":"$mine","deviceId":"d"})"), 400,
                "ArgumentInvalid", "BadRequest");
}

TEST_CASE("empty and absent keys are generated, given ones kept") {
  RestClient client;
  const std::string given = "MDEyMzQ1Njc4OWFiY2RlZg==";
  const auto primary_key = [&](const std::string& id, const std::string& keys) {
    const std::string body =
        R"({"deviceId":")" + id + R"(","authentication":{"type":"sas","symmetricKey":)" + keys + "}}";
    const RestAnswer answer = client.request("PUT", "/devices/" + id, body);
    REQUIRE(answer.status == 200);
    return answer.json().at("authentication").at("symmetricKey").at("primaryKey").get<std::string>();
  };
  CHECK(primary_key("a", R"({"primaryKey":"","secondaryKey":""})").size() == 44);
  CHECK(primary_key("b", R"({"primaryKey":null,"secondaryKey":null})").size() == 44);
  CHECK(primary_key("c", "{}").size() == 44);
  CHECK(primary_key("d", R"({"primaryKey":")" + given + R"(","secondaryKey":")" + given + R"("})") == given);
}
