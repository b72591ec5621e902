#include "emulator/heads/rest/call.h"

#include <doctest/doctest.h>

#include <optional>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::heads::rest;

namespace {

struct FakeResponder final : Responder {
  void answer(http::Response response) override { statuses.push_back(response.status); }
  void refuse(const hub::HubError& error) override { statuses.push_back(http_status(error.code)); }
  std::vector<int> statuses;
};

struct Arranged {
  std::shared_ptr<Call> call(std::string body = {}, http::Headers headers = {}) {
    http::Request request;
    request.headers = std::move(headers);
    request.body = std::move(body);
    return std::make_shared<Call>(hub.hub, std::move(request), http::Target{}, std::vector<std::string>{"d", "m"},
                                  responder);
  }
  test::TestHub hub;
  FakeResponder responder;
};

}  // namespace

TEST_CASE("a call is answered once") {
  Arranged arranged;
  const auto call = arranged.call();
  call->answer_no_content();
  call->answer(hub::Json::array());
  call->refuse(hub::unauthorized("late"));
  CHECK(arranged.responder.statuses == std::vector{204});
}

TEST_CASE("an answer to a client that is gone goes nowhere") {
  Arranged arranged;
  const auto call = arranged.call();
  call->abandon();
  call->refuse(hub::unauthorized("late"));
  CHECK(arranged.responder.statuses.empty());
}

TEST_CASE("a call names its identity and its If-Match") {
  Arranged arranged;
  CHECK(arranged.call()->identity() == hub::Identity{{"d"}, {"m"}});
  CHECK(arranged.call()->if_match().is_none());
  CHECK(arranged.call({}, {{"if-match", "\"*\""}})->if_match().kind == hub::IfMatch::Kind::any);
  CHECK(arranged.call({}, {{"If-Match", "\"\""}})->if_match().is_none());
}

TEST_CASE("the reason of an unreadable body does not quote it") {
  Arranged arranged;
  for (const char* body : {"", " ", R"({"primaryKey":"c2VjcmV0)", R"({"primaryKey":c2VjcmV0})", "c2VjcmV0"}) {
    CAPTURE(body);
    const auto parsed = arranged.call(body)->json_body();
    REQUIRE(!parsed);
    CHECK(parsed.error().code == hub::ErrorCode::ArgumentInvalid);
    CHECK(parsed.error().message == "BadRequest");
    CHECK(!parsed.error().reason.empty());
    CHECK(parsed.error().reason.find("c2V") == std::string::npos);
  }
  CHECK(arranged.call("{\"a\":1}")->json_body().value().at("a") == 1);
}
