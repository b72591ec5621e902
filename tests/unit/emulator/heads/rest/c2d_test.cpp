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
