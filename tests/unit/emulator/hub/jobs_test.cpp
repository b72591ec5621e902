#include "emulator/hub/jobs.h"

#include <doctest/doctest.h>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class MethodLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest& request) override {
    id = request.request_id;
    return true;
  }
  void close(hub::LinkEnd) override {}
  std::string id;
};

struct Fixture : test::TestHub {
  Fixture() {
    for (const char* id : {"a", "b", "c"}) create(id);
    REQUIRE(hub.twins().patch({{"b"}}, Json::parse(R"({"tags":{"floor":2}})"), hub::IfMatch::none()));
  }
  hub::Jobs& jobs() { return hub.jobs(); }
  Json job(const char* id) { return jobs().get(id); }
  ErrorCode refusal(const char* id, const char* request) {
    return jobs().create(id, Json::parse(request)).error().code;
  }
  std::string device_job(const char* job, const char* device) {
    return store->document("deviceJob", std::string(job) + "\n" + device + "\n").value_or("none");
  }
};

constexpr const char* kTwinJob =
    R"({"jobId":"j1","type":"scheduleUpdateTwin","updateTwin":{"etag":"*","properties":{"desired":{"x":1}}},"queryCondition":"tags.floor = 2"})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a twin job is queued, then patches the devices that its condition selects") {
  const Json created = jobs().create("j1", Json::parse(kTwinJob)).value();
  CHECK(created["status"] == "queued");
  CHECK_FALSE(created.contains("cloudToDeviceMethod"));
  scheduler.advance(milliseconds(10));
  CHECK(job("j1")["status"] == "completed");
  CHECK(job("j1")["deviceJobStatistics"].dump() ==
        R"({"deviceCount":1,"failedCount":0,"succeededCount":1,"runningCount":0,"pendingCount":0})");
  CHECK(hub.twins().get({{"b"}})->twin->desired.values.dump() == R"({"x":1})");
  CHECK(hub.twins().get({{"a"}})->twin->desired.values.empty());
  CHECK(Json::parse(device_job("j1", "b"))["status"] == "completed");
}

TEST_CASE_FIXTURE(Fixture, "a method job waits for the answers and counts who did not answer") {
  MethodLink link;
  const auto attachment = hub.links().attach({{"a"}}, link);
  REQUIRE(jobs().create("m1", Json::parse(R"({"type":"scheduleDeviceMethod","queryCondition":"*",)"
                                          R"("cloudToDeviceMethod":{"methodName":"reboot","payload":null}})")));
  scheduler.advance(milliseconds(10));
  CHECK(job("m1")["status"] == "running");
  CHECK(job("m1")["deviceJobStatistics"]["runningCount"] == 1);
  CHECK(hub.methods().answer({{"a"}}, link.id, 200, R"({"ok":true})"));
  scheduler.advance(milliseconds(10));
  CHECK(job("m1")["status"] == "completed");
  CHECK(job("m1")["deviceJobStatistics"]["failedCount"] == 2);
  CHECK(Json::parse(device_job("m1", "a"))["outcome"].dump() ==
        R"({"deviceMethodResponse":{"status":200,"payload":{"ok":true}}})");
  CHECK(Json::parse(device_job("m1", "c"))["error"]["code"] == "404103");
}

TEST_CASE_FIXTURE(Fixture, "a job with a later start is scheduled, and may be cancelled until it runs") {
  Json request = Json::parse(kTwinJob);
  request["startTime"] = text::iso_time(clock.now().plus_seconds(60));
  REQUIRE(jobs().create("j1", request));
  CHECK(job("j1")["status"] == "scheduled");
  CHECK(jobs().cancel("j1").value()["status"] == "cancelled");
  scheduler.advance(seconds(61));
  CHECK(hub.twins().get({{"b"}})->twin->desired.values.empty());
  CHECK(jobs().cancel("j1").error().code == ErrorCode::OperationNotAllowedInCurrentState);
  CHECK(jobs().cancel("nope").error().code == ErrorCode::JobNotFound);
}

TEST_CASE_FIXTURE(Fixture, "a condition that cannot be read fails the job, not the request (probed)") {
  REQUIRE(jobs().create(
      "j1",
      Json::parse(R"({"type":"scheduleUpdateTwin","updateTwin":{"tags":{"a":1}},"queryCondition":"tags.floor ="})")));
  scheduler.advance(milliseconds(10));
  CHECK(job("j1")["status"] == "failed");
  CHECK(job("j1").contains("failureReason"));
}

TEST_CASE_FIXTURE(Fixture, "a job that is wrong is refused, an unknown one is of unknown status (probed)") {
  CHECK(refusal("J1", kTwinJob) == ErrorCode::ArgumentInvalid);
  CHECK(refusal("j2", kTwinJob) == ErrorCode::ArgumentInvalid);
  for (const char* request :
       {"[]", "{}", R"({"type":"what"})", R"({"type":"scheduleUpdateTwin","updateTwin":{"desired":{}}})",
        R"({"type":"scheduleDeviceMethod"})", R"({"type":"scheduleDeviceMethod","cloudToDeviceMethod":{}})",
        R"({"type":"scheduleUpdateTwin","updateTwin":{"tags":{}},"startTime":"soon"})",
        R"({"type":"scheduleUpdateTwin","updateTwin":{"tags":{}},"startTime":"2030-01-01T00:00:00Z"})"}) {
    CAPTURE(request);
    CHECK(refusal("j3", request) == ErrorCode::ArgumentInvalid);
  }
  REQUIRE(jobs().create("j1", Json::parse(kTwinJob)));
  CHECK(refusal("j1", kTwinJob) == ErrorCode::JobAlreadyExists);
  CHECK(job("nope").dump() == R"({"jobId":"nope","type":"unknown","status":"unknown"})");
}

TEST_CASE_FIXTURE(Fixture, "jobs are listed newest first by type and status, in pages") {
  for (const char* id : {"j1", "j2", "j3"}) {
    Json request = Json::parse(kTwinJob);
    request["jobId"] = id;
    REQUIRE(jobs().create(id, request));
    clock.advance(1);
  }
  const auto first = jobs().list("ScheduleUpdateTwin", "", 2, std::nullopt).value();
  CHECK(first.items[0]["jobId"] == "j3");
  REQUIRE(first.continuation);
  const auto second = jobs().list("ScheduleUpdateTwin", "", 2, *first.continuation).value();
  CHECK(second.items.size() == 1);
  CHECK_FALSE(second.continuation);
  CHECK(second.items[0]["jobId"] == "j1");
  CHECK_FALSE(jobs().list("", "queued", 3, std::nullopt)->continuation);  // none behind the third
  for (const char* foreign : {"", "2", "2026-11-22T02:33:52Z", "x j1", " "}) {
    CHECK(jobs().list("", "", 10, foreign).error().code == ErrorCode::ArgumentInvalid);
  }
  CHECK(jobs().list("", "completed", 10, std::nullopt)->items.empty());
  CHECK(jobs().list("what", "", 10, std::nullopt).error().code == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "FROM devices.jobs reads the rows of a job's devices, in pages") {
  REQUIRE(jobs().create(
      "j1", Json::parse(R"({"type":"scheduleUpdateTwin","updateTwin":{"tags":{"a":1}},"queryCondition":"*"})")));
  scheduler.advance(milliseconds(10));
  const std::string query =
      "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j1' AND devices.jobs.status = 'completed'";
  std::vector<std::string> devices;
  std::optional<std::string> continuation;
  do {
    auto run = hub.queries().start(query, 2, continuation).value();
    while (!run->step(1)) {
    }
    for (const Json& row : Json::parse(run->page().array())) devices.push_back(row["deviceId"].get<std::string>());
    CHECK(run->page().item_type == "DeviceJob");
    continuation = run->page().continuation;
  } while (continuation);
  CHECK(devices == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE_FIXTURE(Fixture, "of jobs made within a second the newest comes first, also where its time has no fraction") {
  const auto put = [&](const std::string& id, const std::string& created) {
    store->put_document("job", id,
                        hub::dump({{"jobId", id}, {"createdTime", created}, {"type", "x"}, {"status", "x"}}));
  };
  put("a", "2026-11-22T02:33:52Z");
  put("b", "2026-11-22T02:33:52.5Z");
  put("c", "2026-11-22T02:33:52.51Z");
  put("d", "2026-11-22T02:33:51.9Z");
  put("e", "2026-11-22T02:33:52Z");
  std::string order;
  std::optional<std::string> continuation;
  do {
    const auto page =
        jobs().list("", "", 1, continuation ? std::optional<std::string_view>(*continuation) : std::nullopt).value();
    order += page.items.at(0)["jobId"].get<std::string>();
    continuation = page.continuation;
  } while (continuation);
  CHECK(order == "cbead");
}
