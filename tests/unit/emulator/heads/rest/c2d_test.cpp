#include <doctest/doctest.h>

#include "emulator/hub/c2d.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

TEST_CASE("a purge answers how many messages it took") {
  RestClient client;
  client.hub.create("d");
  for (int i = 0; i < 3; ++i) REQUIRE(client.hub.hub.c2d().send({{"d"}, {}}, {}));
  CHECK(client.request("GET", "/devices/d").json().at("cloudToDeviceMessageCount") == 3);
  CHECK(client.request("GET", "/twins/d").json().at("cloudToDeviceMessageCount") == 3);
  const RestAnswer answer = client.request("DELETE", "/devices/d/commands");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"deviceId":"d","totalMessagesPurged":3})");
  CHECK(client.request("GET", "/devices/d").json().at("cloudToDeviceMessageCount") == 0);
  CHECK(client.request("DELETE", "/devices/d/commands").json().at("totalMessagesPurged") == 0);
}

TEST_CASE("a purge of a device that is not there is 404001") {
  RestClient client;
  const RestAnswer answer = client.request("DELETE", "/devices/x/commands");
  CHECK(answer.status == 404);
  CHECK(answer.header("iothub-errorcode") == "DeviceNotFound");
}

namespace {

struct PullingDevice {
  PullingDevice() { key = client.hub.create("d").row.primary_key.value(); }
  RestAnswer request(std::string_view method, std::string_view path) {
    const std::string token = sas_token("localhost%2Fdevices%2Fd", key, client.hub.clock.now().unix_seconds() + 3600);
    return client.request(method, path, {}, {{"Authorization", token}});
  }
  void send(hub::C2dMessage message = {}) { REQUIRE(client.hub.hub.c2d().send({{"d"}, {}}, std::move(message))); }
  /// The lock token of a message just received.
  std::string receive() {
    const RestAnswer answer = request("GET", "/devices/d/messages/deviceBound");
    REQUIRE(answer.status == 200);
    const std::string etag = answer.header("ETag");
    return etag.substr(1, etag.size() - 2);
  }
  std::int64_t waiting() { return client.hub.hub.c2d().count({{"d"}, {}}); }

  RestClient client;
  std::string key;
};

}  // namespace

TEST_CASE("a device pulls a message with its properties in headers") {
  PullingDevice device;
  hub::C2dMessage message;
  message.message_id = "m1";
  message.content_type = "text/plain";
  message.content_encoding = "utf-8";
  message.ack = hub::C2dMessage::Ack::full;
  message.properties = {{"colour", "red\r\nX: y"}, {"not a token", "x"}};
  message.body = std::string("a\0b", 3);
  device.send(message);
  const RestAnswer answer = device.request("GET", "/devices/d/messages/devicebound");
  CHECK(answer.status == 200);
  CHECK(answer.body == message.body);
  CHECK(answer.header("ETag").size() == 38);
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, const char*>>{{"Content-Type", "text/plain"},
                                                        {"Content-Encoding", "utf-8"},
                                                        {"iothub-messageid", "m1"},
                                                        {"iothub-sequencenumber", "1"},
                                                        {"iothub-enqueuedtime", "2026-11-22T02:33:52Z"},
                                                        {"iothub-deliverycount", "0"},
                                                        {"iothub-correlationid", ""},
                                                        {"iothub-userid", ""},
                                                        {"iothub-to", "/devices/d/messages/deviceBound"},
                                                        {"iothub-expiry", ""},
                                                        {"iothub-ack", "full"},
                                                        {"iothub-app-colour", "red??X: y"},
                                                        {"iothub-app-not a token", "(none)"}}) {
    CAPTURE(name);
    CHECK(answer.header(name) == value);
  }
}

TEST_CASE("an empty queue is 204 with an empty body") {
  PullingDevice device;
  const RestAnswer answer = device.request("GET", "/devices/d/messages/deviceBound");
  CHECK(answer.status == 204);
  CHECK(answer.header("Content-Length") == "0");
}

TEST_CASE("a pulled message is completed, rejected or abandoned by its lock token") {
  PullingDevice device;
  for (int i = 0; i < 4; ++i) device.send();
  const std::string path = "/devices/d/messages/deviceBound/";
  CHECK(device.request("DELETE", path + device.receive()).status == 204);
  CHECK(device.waiting() == 3);
  CHECK(device.request("DELETE", path + device.receive() + "?reject").status == 204);
  CHECK(device.request("DELETE", path + device.receive() + "?reject=").status == 204);
  CHECK(device.waiting() == 1);
  CHECK(device.request("POST", path + device.receive() + "/abandon").status == 204);
  CHECK(device.waiting() == 1);
  CHECK(device.request("GET", path.substr(0, path.size() - 1)).header("iothub-deliverycount") == "1");
}

TEST_CASE("a lost lock is 412002 in form B") {
  PullingDevice device;
  for (const auto& [method, tail] :
       std::vector<std::pair<const char*, const char*>>{{"DELETE", ""}, {"DELETE", "?reject="}, {"POST", "/abandon"}}) {
    const RestAnswer answer = device.request(
        method, "/devices/d/messages/devicebound/00000000-0000-0000-0000-000000000000" + std::string(tail));
    CHECK(answer.status == 412);
    CHECK(answer.header("iothub-errorcode") == "DeviceMessageLockLost");
    const hub::Json inner = hub::Json::parse(answer.message());
    CHECK(inner.at("errorCode") == 412002);
    CHECK(inner.at("message") == "PreconditionFailed");
    CHECK_FALSE(inner.contains("info"));
  }
}
