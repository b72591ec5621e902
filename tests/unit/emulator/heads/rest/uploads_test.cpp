#include "emulator/hub/uploads.h"

#include <doctest/doctest.h>

#include "emulator/hub/limits.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

/// Has every blob but those whose name ends with `missing`.
struct FakeStorage final : hub::BlobStorage {
  hub::BlobGrant grant(const std::string& blob_name, Timestamp expiry, const std::string&) override {
    granted = blob_name;
    granted_until = expiry;
    return {"localhost:10000/account", "uploads", "?sig=x"};
  }
  void properties(const std::string& blob_name,
                  std::function<void(std::optional<hub::BlobProperties>)> answer) override {
    if (blob_name.ends_with("missing")) return answer(std::nullopt);
    answer(hub::BlobProperties{42, Timestamp::from_unix_milliseconds(1'795'314'800'123)});
  }
  std::string granted;
  Timestamp granted_until;
};

struct Uploader {
  explicit Uploader(bool with_storage = true) {
    client.hub.create("d");
    if (with_storage) uploads().use_storage(storage);
  }
  hub::Uploads& uploads() { return client.hub.hub.uploads(); }
  hub::FileNotifications& notifications() { return uploads().notifications(); }
  RestAnswer post(std::string_view path, std::string_view body) {
    return client.request("POST", "/devices/d/files" + std::string(path), body,
                          {{"Authorization", client.token("device")}});
  }
  std::string begin(const std::string& blob = "log.txt") {
    const RestAnswer answer = post("", R"({"blobName":")" + blob + "\"}");
    REQUIRE(answer.status == 200);
    return answer.json().at("correlationId").get<std::string>();
  }
  RestAnswer complete(const std::string& id, bool success = true) {
    return post("/notifications", R"({"correlationId":")" + id + R"(","isSuccess":)" + (success ? "true" : "false") +
                                      R"(,"statusCode":200,"statusDescription":"done"})");
  }

  FakeStorage storage;
  RestClient client;
};

int code_in_form_b(const RestAnswer& answer) {
  return hub::Json::parse(answer.message()).at("errorCode").get<int>();
}

}  // namespace

TEST_CASE("a device that begins an upload learns where the blob goes for an hour") {
  Uploader device;
  const RestAnswer answer = device.post("/", R"({"blobName":"a/log.txt"})");
  CHECK(answer.status == 200);
  const hub::Json json = answer.json();
  CHECK(json.at("correlationId").get<std::string>().size() == 36);
  CHECK(json.at("hostName") == "localhost:10000/account");
  CHECK(json.at("containerName") == "uploads");
  CHECK(json.at("blobName") == "d/a/log.txt");
  CHECK(json.at("sasToken") == "?sig=x");
  CHECK(device.storage.granted == "d/a/log.txt");
  CHECK(device.storage.granted_until == device.client.hub.clock.now().plus_seconds(3600));
}

TEST_CASE("a hub without storage refuses an upload with 400014") {
  Uploader device(false);
  const RestAnswer answer = device.post("", R"({"blobName":"log.txt"})");
  CHECK(answer.status == 400);
  CHECK(answer.header("iothub-errorcode") == "DefaultStorageEndpointNotConfigured");
  CHECK(code_in_form_b(answer) == 400014);
}

TEST_CASE("a blob's name is neither empty nor too long nor too deep") {
  Uploader device;
  std::string deep = "a";
  for (int i = 0; i < 254; ++i) deep += "/a";
  for (const std::string& name : {std::string(), std::string(1025, 'a'), deep}) {
    CHECK(code_in_form_b(device.post("", R"({"blobName":")" + name + "\"}")) == 400004);
  }
  CHECK(code_in_form_b(device.post("", R"({"blobName":1})")) == 400004);
  CHECK(code_in_form_b(device.post("", "[]")) == 400004);
}

TEST_CASE("the eleventh active upload is 403006 until one completes or the hour is over") {
  Uploader device;
  const std::string first = device.begin();
  for (int i = 1; i < 10; ++i) device.begin();
  const RestAnswer refused = device.post("", R"({"blobName":"log.txt"})");
  CHECK(refused.status == 403);
  CHECK(refused.header("iothub-errorcode") == "DeviceMaximumActiveFileUploadLimitExceeded");
  const hub::Json inner = hub::Json::parse(refused.message());
  CHECK(inner.at("message") == "Number of active file upload requests exceeded limit");
  CHECK(inner.at("info").is_null());

  CHECK(device.complete(first, false).status == 204);
  const std::string again = device.begin();
  CHECK(device.post("", R"({"blobName":"log.txt"})").status == 403);
  device.client.hub.clock.advance(3600);
  device.begin();
  CHECK(code_in_form_b(device.complete(again)) == 400016);
}

TEST_CASE("a device that is deleted and made again begins without uploads") {
  Uploader device;
  const std::string first = device.begin();
  for (int i = 1; i < 10; ++i) device.begin();
  REQUIRE(device.client.request("DELETE", "/devices/d", {}, {{"If-Match", "*"}}).status == 204);
  device.client.hub.create("d");
  CHECK(code_in_form_b(device.complete(first)) == 400015);
  device.begin();
}

TEST_CASE("a blob that arrived is told to the service side, a failed upload is not") {
  Uploader device;
  CHECK(device.complete(device.begin(), false).status == 204);
  CHECK_FALSE(device.notifications().receive());
  CHECK(device.complete(device.begin()).status == 204);
  const auto notification = device.notifications().receive();
  REQUIRE(notification);
  CHECK(notification->body ==
        R"({"deviceId":"d","blobUri":"https://localhost:10000/account/uploads/d/log.txt","blobName":"d/log.txt",)"
        R"("lastUpdatedTime":"2026-11-22T02:33:20+00:00","blobSizeInBytes":42,)"
        R"("enqueuedTimeUtc":"2026-11-22T02:33:52Z"})");
  CHECK(notification->delivery_count == 0);
  CHECK(notification->enqueued_time == device.client.hub.clock.now());
}

TEST_CASE("an upload is completed once, by the body or by the path") {
  Uploader device;
  const std::string first = device.begin();
  CHECK(
      device.post("/notifications/" + first, R"({"isSuccess":true,"statusCode":201,"statusDescription":""})").status ==
      204);
  CHECK(code_in_form_b(device.complete(first)) == 400015);
  CHECK(code_in_form_b(device.complete("unknown")) == 400015);
}

TEST_CASE("a completion without isSuccess or without its blob leaves the upload active") {
  Uploader device;
  const std::string id = device.begin("missing");
  CHECK(code_in_form_b(device.post("/notifications", R"({"correlationId":")" + id + "\"}")) == 400019);
  CHECK(code_in_form_b(device.complete(id)) == 400020);
  CHECK(device.complete(id, false).status == 204);
}

TEST_CASE("a locked notification is available again when abandoned and after a minute, ten times in all") {
  Uploader device;
  int told = 0;
  const auto listener = device.notifications().listen([&] { ++told; });
  device.complete(device.begin());
  CHECK(told == 1);
  const auto first = device.notifications().receive();
  REQUIRE(first);
  CHECK_FALSE(device.notifications().receive());
  CHECK(device.notifications().abandon(first->lock_token));
  CHECK(told == 2);
  CHECK(device.notifications().abandon(first->lock_token).error().code == hub::ErrorCode::DeviceMessageLockLost);

  const auto second = device.notifications().receive();
  REQUIRE(second);
  CHECK(second->delivery_count == 1);
  device.client.hub.clock.advance(60);
  device.client.hub.scheduler.advance(std::chrono::seconds(61));
  CHECK(told == 3);
  CHECK(device.notifications().complete(second->lock_token).error().code == hub::ErrorCode::DeviceMessageLockLost);
  for (int i = 2; i < hub::kMaxFileNotificationDeliveries; ++i) {
    const auto next = device.notifications().receive();
    REQUIRE(next);
    CHECK(device.notifications().abandon(next->lock_token));
  }
  CHECK_FALSE(device.notifications().receive());
}

TEST_CASE("a completed notification is gone, and one nobody took for an hour too") {
  Uploader device;
  device.complete(device.begin());
  CHECK(device.notifications().complete(device.notifications().receive()->lock_token));
  CHECK_FALSE(device.notifications().receive());
  device.complete(device.begin());
  device.client.hub.clock.advance(3600);
  CHECK_FALSE(device.notifications().receive());
}
