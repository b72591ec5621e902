#include "emulator/hub/methods.h"

#include <doctest/doctest.h>

#include <optional>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::Json;
using std::chrono::seconds;

namespace {

const hub::Identity kDevice{{"d"}};
const hub::Identity kModule{{"d"}, {"m"}};

class MethodLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest& request) override {
    if (!subscribed) return false;
    ids.emplace_back(request.request_id);
    payloads.emplace_back(request.payload);
    return true;
  }
  void close(hub::LinkEnd) override {}
  bool subscribed = true;
  std::vector<std::string> ids, payloads;
};

struct Fixture : test::TestHub {
  Fixture() {
    create("d");
    create("d", "m");
  }
  std::uint64_t invoke(const hub::Identity& identity, hub::MethodCall call = {.name = "reboot"}) {
    return hub.methods().invoke(identity, std::move(call), [this](hub::Result<hub::MethodAnswer> result) {
      ++answers;
      last.emplace(std::move(result));
    });
  }
  ErrorCode refusal() const { return last && !*last ? last->error().code : ErrorCode{}; }

  MethodLink link;
  int answers = 0;
  std::optional<hub::Result<hub::MethodAnswer>> last;
};

hub::Result<hub::MethodCall> read(const char* body) {
  return hub::MethodCall::from_json(Json::parse(body));
}

}  // namespace

TEST_CASE("a method call's body is read with its defaults and limits") {
  const auto call = read(R"({"methodName":"m","payload":{"b":1,"a":1.0}})");
  REQUIRE(call);
  CHECK(call->payload == R"({"b":1,"a":1.0})");
  CHECK(call->response_timeout == seconds(30));
  CHECK(read(R"({"methodName":"m"})")->payload == "null");
  CHECK(read(R"({"methodName":"m","responseTimeoutInSeconds":4})").error().message ==
        "responseTimeoutInSeconds must be within [5; 300].");
  for (const char* body :
       {"[]", "{}", R"({"methodName":""})", R"({"methodName":5})",
        R"({"methodName":"m","responseTimeoutInSeconds":301})", R"({"methodName":"m","connectTimeoutInSeconds":-1})",
        R"({"methodName":"m","responseTimeoutInSeconds":"30"})",
        R"({"methodName":"m","responseTimeoutInSeconds":10,"connectTimeoutInSeconds":11})"}) {
    CAPTURE(body);
    CHECK(read(body).error().code == ErrorCode::ArgumentInvalid);
  }
  CHECK(hub::MethodCall::from_json({{"methodName", "m"}, {"payload", std::string(128 * 1024, 'x')}}).error().code ==
        ErrorCode::MessageTooLarge);
}

TEST_CASE_FIXTURE(Fixture, "a device's status and payload come back whatever they are") {
  const auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice, {.name = "reboot", .payload = R"({"in":1})"});
  CHECK(link.payloads == std::vector<std::string>{R"({"in":1})"});
  CHECK(hub.methods().answer(kDevice, link.ids[0], 404, R"({"x":1.0})"));
  REQUIRE(last->has_value());
  CHECK((*last)->status == 404);
  CHECK((*last)->payload.dump() == R"({"x":1.0})");
  CHECK_FALSE(hub.methods().answer(kDevice, link.ids[0], 200, ""));
  CHECK(answers == 1);
  CHECK(hub.methods().waiting() == 0);
}

TEST_CASE_FIXTURE(Fixture, "an empty answer is null, one that is not JSON a bad device response") {
  const auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice);
  CHECK(hub.methods().answer(kDevice, link.ids[0], 200, ""));
  CHECK((*last)->payload.is_null());
  invoke(kDevice);
  CHECK(hub.methods().answer(kDevice, link.ids[1], 200, "nope"));
  CHECK(refusal() == ErrorCode::BadDeviceResponse);
}

TEST_CASE_FIXTURE(Fixture, "who is not there is 404001, 404010 or 404103") {
  CHECK(invoke({{"nobody"}}) == 0);
  CHECK(refusal() == ErrorCode::DeviceNotFound);
  invoke({{"d"}, {"nobody"}});
  CHECK(refusal() == ErrorCode::ModuleNotFound);
  invoke(kDevice);
  CHECK(refusal() == ErrorCode::DeviceNotOnline);
  CHECK(last->error().info == R"({"timeout":"00:00:00"})");
  link.subscribed = false;
  const auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice);
  CHECK(refusal() == ErrorCode::DeviceNotOnline);
  CHECK(answers == 4);
}

TEST_CASE_FIXTURE(Fixture, "a call waits its connect time-out for the device to subscribe") {
  invoke(kDevice, {.name = "m", .connect_timeout = seconds(10)});
  scheduler.advance(seconds(9));
  CHECK(answers == 0);
  const auto attachment = hub.links().attach(kDevice, link);
  hub.methods().link_ready(kDevice);
  REQUIRE(link.ids.size() == 1);
  CHECK(hub.methods().answer(kDevice, link.ids[0], 200, "1"));
  CHECK((*last)->payload == 1);

  hub.methods().link_gone(kDevice);
  link.subscribed = false;
  invoke(kDevice, {.name = "m", .connect_timeout = seconds(10)});
  scheduler.advance(seconds(10));
  CHECK(refusal() == ErrorCode::DeviceNotOnline);
  CHECK(last->error().info == R"({"timeout":"00:00:10"})");
}

TEST_CASE_FIXTURE(Fixture, "no answer in time is 504101, and a late answer is nobody's") {
  const auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice, {.name = "m", .response_timeout = seconds(5)});
  scheduler.advance(seconds(5));
  CHECK(refusal() == ErrorCode::GatewayTimeout);
  CHECK_FALSE(hub.methods().answer(kDevice, link.ids[0], 200, ""));
}

TEST_CASE_FIXTURE(Fixture, "a device that leaves ends its calls, and a caller that hangs up hears nothing") {
  auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice);
  attachment.detach();
  CHECK(refusal() == ErrorCode::DeviceConnectionClosedRemotely);
  auto again = hub.links().attach(kDevice, link);
  const std::uint64_t id = invoke(kDevice);
  hub.methods().cancel(id);
  CHECK_FALSE(hub.methods().answer(kDevice, link.ids[1], 200, ""));
  CHECK(answers == 1);
}

TEST_CASE_FIXTURE(Fixture, "one identity cannot answer for another") {
  const auto attachment = hub.links().attach(kDevice, link);
  invoke(kDevice);
  CHECK_FALSE(hub.methods().answer(kModule, link.ids[0], 200, ""));
  CHECK(hub.methods().answer(kDevice, link.ids[0], 200, ""));
}
