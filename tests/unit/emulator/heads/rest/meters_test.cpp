#include "emulator/heads/rest/meters.h"

#include <doctest/doctest.h>

#include <set>

#include "emulator/heads/rest/operations.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace std::string_literals;

namespace {

struct SizedClient : test::RestClient {
  explicit SizedClient(hub::Tier tier = hub::Tier::s1) : RestClient(sized(tier)) {}
  static hub::HubOptions sized(hub::Tier tier) {
    hub::HubOptions options = test::TestHub::options({"localhost"});
    options.size = hub::HubSize{tier, 1};
    return options;
  }
};

}  // namespace

TEST_CASE("every operation is throttled, but those that the hub itself throttles and settlements") {
  using namespace heads::rest;
  const std::set<void (*)(Call&)> free{send_telemetry,   purge_c2d,         complete_or_reject_c2d,
                                       complete_upload,  abandon_c2d,       complete_upload_of_path,
                                       receive_feedback, complete_feedback, abandon_feedback};
  for (const Route& route : routes()) {
    if (route.operation == nullptr || !route.operation) continue;
    CAPTURE(std::string(route.name));
    CHECK(meter_of(route).has_value() != free.contains(route.operation));
  }
}

TEST_CASE("an operation over its rate is answered with 429 in form A, and the connection closes") {
  SizedClient client;
  for (int i = 0; i < 100; ++i) {
    const auto answer = client.request("GET", "/devices/d" + std::to_string(i));
    REQUIRE(answer.status == 404);
  }
  const auto refused = client.request("PUT", "/devices/d", R"({"deviceId":"d"})");
  CHECK(refused.status == 429);
  CHECK(refused.header("iothub-errorcode") == "ThrottlingException");
  CHECK(refused.header("Connection") == "close");
  CHECK(refused.header("Retry-After") == "(none)");
  CHECK(refused.message() ==
        "ErrorCode:ThrottlingException;The request has been throttled. Wait 10 seconds and try again. Operation type: "
        "RegistryWrite");
  CHECK(client.outbox.closed);
}

TEST_CASE("a method is throttled with form A too, before the device is asked") {
  SizedClient client;
  client.hub.create("d");
  const std::string large = R"({"methodName":"m","payload":")" + std::string(100'000, 'x') + R"("})";
  int sent = 0;
  while (client.request("POST", "/twins/d/methods", large).status == 404) ++sent;
  CHECK(sent == 2400 / 25);
}

TEST_CASE("what a hub answers counts towards its day: a twin by its size, a method by both ways") {
  SizedClient client(hub::Tier::f1);
  client.hub.create("d");
  hub::Json tags;
  for (int i = 0; i < 7; ++i) tags["t" + std::to_string(i)] = std::string(1000, 'x');
  REQUIRE(client.request("PATCH", "/twins/d", hub::Json{{"tags", tags}}.dump()).status == 200);
  int reads = 0;
  for (; reads < 1000; ++reads) {
    const auto answer = client.request("GET", "/twins/d");
    if (answer.status == 403) {
      CHECK(answer.header("iothub-errorcode") == "IotHubQuotaExceeded");
      break;
    }
    REQUIRE(answer.status == 200);
  }
  CHECK(reads > 450);  // about 16 messages each
  CHECK(reads < 550);
}

TEST_CASE("a basic tier has no twins: 403") {
  SizedClient client(hub::Tier::b1);
  client.hub.create("d");
  const auto answer = client.request("GET", "/twins/d");
  CHECK(answer.status == 403);
  CHECK(answer.header("iothub-errorcode") == "OperationNotAvailableInCurrentTier");
}
