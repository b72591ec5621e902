// Feedback for the service side over HTTP (rest.md 3, rows 39-41).
#include "emulator/hub/feedback.h"

#include <doctest/doctest.h>

#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

struct FeedbackReader {
  FeedbackReader() { client.hub.create("d"); }
  void add_batch() {
    for (std::size_t i = 0; i < 64; ++i) {
      client.hub.hub.feedback().add({{"d"}, {}}, "m" + std::to_string(i), hub::FeedbackStatus::success);
    }
  }
  RestAnswer receive() { return client.request("GET", "/messages/serviceBound/feedback"); }
  RestAnswer settle(std::string_view method, const std::string& token, std::string_view how = {}) {
    return client.request(method, "/messages/servicebound/feedback/" + token + std::string(how));
  }

  RestClient client;
};

std::string lock_of(const RestAnswer& answer) {
  const std::string etag = answer.header("ETag");
  REQUIRE(etag.size() == 38);
  return etag.substr(1, 36);
}

int code_in_form_b(const RestAnswer& answer) {
  return hub::Json::parse(answer.message()).at("errorCode").get<int>();
}

}  // namespace

TEST_CASE("feedback over HTTP is a batch of records with its lock token as ETag, or 204") {
  FeedbackReader reader;
  const RestAnswer none = reader.receive();
  CHECK(none.status == 204);
  CHECK(none.body.empty());

  reader.add_batch();
  const RestAnswer batch = reader.receive();
  CHECK(batch.status == 200);
  CHECK(batch.header("Content-Type") == "application/vnd.microsoft.iothub.feedback.json");
  CHECK(batch.header("iothub-userid") == "localhost");
  CHECK(batch.json().size() == 64);
  CHECK(batch.json().at(0).at("originalMessageId") == "m0");
  CHECK(reader.receive().status == 204);  // it is locked

  const std::string lock = lock_of(batch);
  CHECK(reader.settle("DELETE", lock).status == 204);
  const RestAnswer again = reader.settle("DELETE", lock);
  CHECK(again.status == 412);
  CHECK(again.header("iothub-errorcode") == "DeviceMessageLockLost");
  CHECK(code_in_form_b(again) == 412002);
}

TEST_CASE("abandoned feedback is there again under another lock") {
  FeedbackReader reader;
  reader.add_batch();
  const std::string lock = lock_of(reader.receive());
  CHECK(reader.settle("POST", lock, "/abandon").status == 204);
  CHECK(reader.settle("POST", lock, "/abandon").status == 412);
  const RestAnswer again = reader.receive();
  CHECK(again.json().size() == 64);
  CHECK(again.header("iothub-deliverycount") == "1");
  CHECK(lock_of(again) != lock);
}

TEST_CASE("feedback needs service connect") {
  FeedbackReader reader;
  for (const char* policy : {"registryReadWrite", "device"}) {
    const http::Headers headers{{"Authorization", reader.client.token(policy)}};
    CHECK(reader.client.request("GET", "/messages/serviceBound/feedback", {}, headers).status == 401);
  }
}
