#include "emulator/heads/mqtt/user_name.h"

#include <doctest/doctest.h>

using iothub::heads::mqtt_head::parse_user_name;
using iothub::heads::mqtt_head::UserName;

TEST_CASE("the user names of the SDKs name the hub, the identity, the api-version and the model") {
  struct Row {
    const char* text;
    const char* host;
    const char* identity;
    const char* api_version;
    const char* model_id;
    const char* client_type;
  };
  const Row rows[] = {
      {"localhost/d1/?api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0%28Linux%29",
       "localhost", "d1", "2019-10-01", "", "azure-iot-device-iothub-py/2.14.0(Linux)"},
      {"localhost:8883/d1/m1/"
       "?api-version=2020-09-30&DeviceClientType=py&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1",
       "localhost:8883", "d1/m1", "2020-09-30", "dtmi:com:example:Thermostat;1", "py"},
      {"h/d1/?api-version=2021-04-12&model-id=dtmi:com:example:Thermostat;1&DeviceClientType=node/1 (x; y)", "h", "d1",
       "2021-04-12", "dtmi:com:example:Thermostat;1", "node/1 (x; y)"},
      {"h/d1/api-version=2016-11-14", "h", "d1", "2016-11-14", "", ""},
      {"h/d1/m1/api-version=2016-11-14", "h", "d1/m1", "2016-11-14", "", ""},
      {"h/d1", "h", "d1", "", "", ""},
      {"h/d1/", "h", "d1", "", "", ""},
      {"h/d1/m1", "h", "d1/m1", "", "", ""},
      {"h/d1/m1/", "h", "d1/m1", "", "", ""},
      {"h/a%20b/?api-version=1", "h", "a%20b", "1", "", ""},  // ids are not encoded: this is an id with a percent sign
      {"h/d1/?auth-chain=x&&api-version=1&flag", "h", "d1", "1", "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::optional<UserName> name = parse_user_name(row.text);
    REQUIRE(name);
    CHECK(name->host == row.host);
    CHECK(name->identity.name() == row.identity);
    CHECK(name->api_version == row.api_version);
    CHECK(name->model_id == row.model_id);
    CHECK(name->client_type == row.client_type);
  }
}

TEST_CASE("a user name without host, without device, with an illegal id or a malformed value is refused") {
  for (const char* text : {"", "h", "h/", "/d1/?api-version=1", "h//?api-version=1", "h/d 1/?api-version=1",
                           "h/d1/m 1/?api-version=1", "h/d1/m1/x/?api-version=1", "h/d1//?api-version=1",
                           "h/d1/?api-version=%2", "h/d1/?model-id=dtmi%ff", "h/d1/?model-id=a%0Ab"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_user_name(text));
  }
}
