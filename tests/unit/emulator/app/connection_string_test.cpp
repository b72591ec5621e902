#include "emulator/app/connection_string.h"

#include <doctest/doctest.h>

using namespace iothub;
using app::ConnectionString;

TEST_CASE("a service connection string carries the port when it is not 443") {
  const hub::Policy service{"service", hub::Rights::service_connect, "a2V5", "b3RoZXI="};
  CHECK(app::policy_connection_string("localhost", 443, service) ==
        "HostName=localhost;SharedAccessKeyName=service;SharedAccessKey=a2V5");
  CHECK(app::policy_connection_string("localhost", 8443, service) ==
        "HostName=localhost:8443;SharedAccessKeyName=service;SharedAccessKey=a2V5");
}

TEST_CASE("the connection string of a device policy never carries a port") {
  const hub::Policy device{"device", hub::Rights::device_connect, "a2V5", ""};
  CHECK(app::policy_connection_string("localhost", 8443, device) ==
        "HostName=localhost;SharedAccessKeyName=device;SharedAccessKey=a2V5");
}

TEST_CASE("device and module connection strings are those of the portal") {
  CHECK(app::device_connection_string("localhost", {{"d"}, {}}, "a2V5") ==
        "HostName=localhost;DeviceId=d;SharedAccessKey=a2V5");
  CHECK(app::device_connection_string("localhost", {{"d"}, {"m"}}, "a2V5") ==
        "HostName=localhost;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5");
}

TEST_CASE("a connection string is read in any order and case, with its key's padding") {
  const auto read = ConnectionString::parse("sharedaccesskey=a2U=;HostName=localhost:8443;SharedAccessKeyName=service");
  REQUIRE(read.has_value());
  CHECK(read->host == "localhost");
  CHECK(read->port == 8443);
  CHECK(read->policy == "service");
  CHECK(read->key == "a2U=");
}

TEST_CASE("without a port a connection string means 443, and an IPv6 address stands in brackets") {
  const auto read = ConnectionString::parse("HostName=[::1];SharedAccessKeyName=p;SharedAccessKey=a2V5");
  REQUIRE(read.has_value());
  CHECK(read->host == "::1");
  CHECK(read->port == 443);
  const hub::Policy policy{"p", hub::Rights::service_connect, "a2V5", ""};
  CHECK(app::policy_connection_string("::1", 8443, policy) ==
        "HostName=[::1]:8443;SharedAccessKeyName=p;SharedAccessKey=a2V5");
}

TEST_CASE("what is no policy's connection string is not read") {
  for (const char* text :
       {"", "HostName=localhost", "HostName=localhost;DeviceId=d;SharedAccessKey=a2V5",
        "HostName=localhost:x;SharedAccessKeyName=p;SharedAccessKey=a2V5",
        "HostName=localhost:0;SharedAccessKeyName=p;SharedAccessKey=a2V5",
        "HostName=[::1;SharedAccessKeyName=p;SharedAccessKey=a2V5", "HostName;SharedAccessKeyName;SharedAccessKey"}) {
    CAPTURE(text);
    CHECK_FALSE(ConnectionString::parse(text).has_value());
  }
}

TEST_CASE("an event hub's connection string is read with its port, or with the usual one") {
  const auto plain = app::EventHubString::parse(
      "Endpoint=sb://localhost/;SharedAccessKeyName=o;SharedAccessKey=a2U=;EntityPath=h;UseDevelopmentEmulator=true");
  REQUIRE(plain);
  CHECK(plain->host == "localhost");
  CHECK(plain->port == 5672);
  CHECK(plain->policy == "o");
  CHECK(plain->key == "a2U=");
  CHECK(plain->event_hub == "h");
  CHECK(plain->plain);
  const auto tls =
      app::EventHubString::parse("entitypath=h;endpoint=sb://[::1]:7000;sharedaccesskey=k;sharedaccesskeyname=o");
  REQUIRE(tls);
  CHECK(tls->host == "::1");
  CHECK(tls->port == 7000);
  CHECK_FALSE(tls->plain);
  CHECK_FALSE(app::EventHubString::parse("Endpoint=sb://h/;SharedAccessKeyName=o;SharedAccessKey=k"));
}
