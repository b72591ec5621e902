#include "emulator/app/running_hub.h"

#include <doctest/doctest.h>

using namespace iothub::app;

namespace {

const RunningHub kHub{
    {8443, 8883, 5671}, "/ca/ca.pem", {{"iothubowner", "HostName=a"}, {"device", "HostName=b"}}, "Endpoint=sb://a/"};

}  // namespace

TEST_CASE("the ready file's content is ports, CA file and connection strings in this order") {
  CHECK(to_json(kHub).dump() ==
        R"({"ports":{"https":8443,"mqtts":8883,"amqps":5671,"amqp":5672,"portal":8890},"caFile":"/ca/ca.pem",)"
        R"("connectionStrings":{"iothubowner":"HostName=a","device":"HostName=b"},)"
        R"("eventHubConnectionString":"Endpoint=sb://a/"})");
}

TEST_CASE("a running hub is read back as it was written") {
  CHECK(running_hub_from_json(to_json(kHub)) == kHub);
  CHECK(*kHub.connection_string("device") == "HostName=b");
  CHECK(kHub.connection_string("nobody") == nullptr);
}

TEST_CASE("every default policy gets its connection string") {
  const auto strings = policy_strings("localhost", 8443, iothub::hub::default_policies());
  REQUIRE(strings.size() == 5);
  CHECK(strings[0].policy == "iothubowner");
  CHECK(strings[0].connection_string.starts_with("HostName=localhost:8443;SharedAccessKeyName=iothubowner;"));
  CHECK(strings[2].policy == "device");
  CHECK(strings[2].connection_string.starts_with("HostName=localhost;SharedAccessKeyName=device;"));
}
