#include "emulator/heads/rest/rest_session.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

std::vector<std::shared_ptr<heads::rest::Call>> waiting_calls;

void wait(heads::rest::Call& call) {
  waiting_calls.push_back(call.shared_from_this());
}
void forget(heads::rest::Call&) {}

constexpr auto kLateTable = std::to_array<heads::rest::Route>({
    {"POST", "wait", hub::Rights::service_connect, wait, "wait"},
    {"POST", "forget", hub::Rights::service_connect, forget, "forget"},
});

/// A session whose operations take their time.
struct LateClient {
  LateClient() { waiting_calls.clear(); }
  std::string request() { return client.bytes("POST", "/wait?api-version=2021-04-12"); }
  void receive(std::string_view text) { session.receive(std::as_bytes(std::span(text))); }

  RestClient client;
  heads::rest::RestSession session{client.environment, heads::Peer{}, client.outbox, kLateTable};
};

}  // namespace

TEST_CASE("a refusal is these bytes") {
  RestClient client;
  client.receive(client.bytes("GET", "/devices/d?api-version=2021-04-12"));
  const std::string sent = client.outbox.take();
  const RestAnswer answer = answers_in(sent).at(0);
  const std::string guid = answer.header("x-ms-request-id");
  REQUIRE(guid.size() == 36);
  std::string id = guid;
  std::erase(id, '-');
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(sent ==
        "HTTP/1.1 404 Not Found\r\n"
        "Content-Length: 140\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        "iothub-errorcode: DeviceNotFound\r\n"
        "Vary: Origin\r\n"
        "Server: Microsoft-HTTPAPI/2.0\r\n"
        "x-ms-request-id: " +
            guid +
            "\r\n"
            "Date: Sun, 22 Nov 2026 02:33:52 GMT\r\n"
            "\r\n"
            R"({"Message":"ErrorCode:DeviceNotFound;d",)"
            R"("ExceptionMessage":"Tracking ID:)" +
            id + R"(-G:0-TimeStamp:11/22/2026 02:33:52"})");
}

TEST_CASE("a deletion is answered without body and content type") {
  RestClient client;
  client.hub.create("d");
  const RestAnswer answer = client.request("DELETE", "/devices/d", {}, {{"If-Match", "*"}});
  CHECK(answer.status == 204);
  CHECK(answer.reason == "No Content");
  CHECK(answer.header("Content-Length") == "0");
  CHECK(answer.header("Content-Type") == "(none)");
  CHECK(answer.header("x-ms-request-id").size() == 36);
  CHECK(answer.header("iothub-errorcode") == "(none)");
}

TEST_CASE("two answers never share a request id") {
  RestClient client;
  CHECK(client.request("GET", "/devices").header("x-ms-request-id") !=
        client.request("GET", "/devices").header("x-ms-request-id"));
}

TEST_CASE("the hub is found by Host, or by the target's own host, which wins") {
  RestClient client;
  TestHub other({"other.local"});
  client.hubs.add(other.hub);
  const auto with_host = [&](std::string_view target, std::string_view host) {
    return client.raw(client.bytes("GET", target, {}, {{"Host", std::string(host)}})).status;
  };
  CHECK(with_host("/devices?api-version=2021-04-12", "LOCALHOST:8443") == 200);
  CHECK(with_host("/devices?api-version=2021-04-12", "127.0.0.1") == 200);
  CHECK(with_host("https://localhost/devices?api-version=2021-04-12", "nowhere") == 200);
  CHECK(with_host("https://nowhere/devices?api-version=2021-04-12", "localhost") == 421);
  CHECK(with_host("/devices?api-version=2021-04-12", "other.local") == 421);  // another hub than the connection's

  const RestAnswer unknown = client.raw(client.bytes("GET", "/devices?api-version=2021-04-12", {}, {{"Host", "typo"}}));
  CHECK(unknown.status == 421);
  CHECK(unknown.header("iothub-errorcode") == "IotHubMisdirected");
  CHECK(unknown.message() == "ErrorCode:IotHubMisdirected;Misdirected Request");
  CHECK(!client.outbox.closed);
  CHECK(client.session.hub() == &client.hub.hub);
}

TEST_CASE("an HTTP/1.0 client that names no host means the default hub, and is closed unless it asks to stay") {
  RestClient client;
  const std::string line = "GET /devices?api-version=2021-04-12 HTTP/1.0\r\nAuthorization: " + client.token() + "\r\n";
  const RestAnswer staying = client.raw(line + "Connection: Keep-Alive\r\n\r\n");
  CHECK(staying.status == 200);
  CHECK(staying.header("Connection") == "keep-alive");
  CHECK(!client.outbox.closed);
  CHECK(client.raw(line + "\r\n").header("Connection") == "close");
  CHECK(client.outbox.closed);
}

TEST_CASE("the checks run in order: path, method, api-version, authorization, body, hub") {
  RestClient client;
  const http::Headers anonymous{{"Authorization", ""}};
  CHECK(client.raw(client.bytes("GET", "/nothing", {}, anonymous)).status == 404);
  CHECK(client.raw(client.bytes("POST", "/devices/d", {}, anonymous)).status == 405);
  CHECK(client.raw(client.bytes("PUT", "/devices/d", {}, anonymous)).status == 400);
  CHECK(client.raw(client.bytes("PUT", "/devices/d?api-version=2021-04-12", {}, anonymous)).status == 401);
  CHECK(client.raw(client.bytes("PUT", "/devices/d?api-version=2021-04-12")).status == 400);
  CHECK(client.raw(client.bytes("GET", "/devices/d?api-version=2021-04-12")).status == 404);
}

TEST_CASE("an unknown path is GenericNotFound, a wrong method learns the right ones") {
  RestClient client;
  const RestAnswer not_found = client.request("GET", "/nothing");
  CHECK(not_found.status == 404);
  CHECK(not_found.header("iothub-errorcode") == "GenericNotFound");
  CHECK(not_found.header("Allow") == "(none)");

  const RestAnswer not_allowed = client.request("PATCH", "/devices/d", "{}");
  CHECK(not_allowed.status == 405);
  CHECK(not_allowed.reason == "Method Not Allowed");
  CHECK(not_allowed.header("iothub-errorcode") == "GenericMethodNotAllowed");
  CHECK(not_allowed.header("Allow") == "GET, PUT, DELETE");

  CHECK(client.raw(client.bytes("GET", "/devices/%zz")).status == 400);
}

TEST_CASE("HEAD is not allowed, and its answer has no body") {
  RestClient client;
  client.receive(client.bytes("HEAD", "/devices?api-version=2021-04-12"));
  const std::string sent = client.outbox.take();
  CHECK(sent.starts_with("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 1"));
  CHECK(sent.ends_with("\r\n\r\n"));
}

TEST_CASE("any dated api-version is accepted, nothing else") {
  RestClient client;
  for (const char* version : {"2016-11-14", "2021-04-12", "2020-05-31-preview", "2099-99-99"}) {
    CAPTURE(version);
    CHECK(client.raw(client.bytes("GET", std::string("/devices?API-version=") + version)).status == 200);
  }
  for (const char* query :
       {"", "?api-version=", "?api-version=latest", "?api-version=1921-04-12", "?api-version=2021-04-1",
        "?api-version=2021-04-12-beta", "?api-version=2021/04/12", "?version=2021-04-12"}) {
    CAPTURE(query);
    const RestAnswer answer = client.raw(client.bytes("GET", std::string("/devices") + query));
    CHECK(answer.status == 400);
    CHECK(answer.header("iothub-errorcode") == "InvalidProtocolVersion");
    CHECK(answer.message() == "ErrorCode:InvalidProtocolVersion;BadRequest");
  }
}

TEST_CASE("each policy opens what it gives, and nothing more") {
  RestClient client;
  client.hub.create("d");
  struct Row {
    const char* policy;
    int list;   // RegistryRead
    int write;  // RegistryWrite
    int twin;   // ServiceConnect
  };
  for (const Row& row : {Row{"iothubowner", 200, 200, 200}, Row{"service", 401, 401, 200}, Row{"device", 401, 401, 401},
                         Row{"registryRead", 200, 401, 401}, Row{"registryReadWrite", 200, 200, 401}}) {
    CAPTURE(row.policy);
    const http::Headers authorization{{"Authorization", client.token(row.policy)}, {"If-Match", "*"}};
    CHECK(client.request("GET", "/devices", {}, authorization).status == row.list);
    CHECK(client.request("PUT", "/devices/d", R"({"deviceId":"d"})", authorization).status == row.write);
    CHECK(client.request("GET", "/twins/d", {}, authorization).status == row.twin);
  }
}

TEST_CASE("a wrong, missing or foreign token is refused in one and the same way") {
  RestClient client;
  const std::int64_t later = client.hub.clock.now().unix_seconds() + 3600;
  const std::string device_key = *client.hub.create("d").row.primary_key;
  const std::string wrong_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  for (const std::string& token :
       {std::string(), std::string("Bearer x"), std::string("SharedAccessSignature nonsense"),
        sas_token("localhost", wrong_key, later, "iothubowner"), sas_token("localhost/devices/d", device_key, later)}) {
    CAPTURE(token);
    const RestAnswer answer = client.request("GET", "/devices/d", {}, {{"Authorization", token}});
    CHECK(answer.status == 401);
    CHECK(answer.reason == "Unauthorized");
    CHECK(answer.header("iothub-errorcode") == "IotHubUnauthorizedAccess");
    CHECK(answer.message() == "ErrorCode:IotHubUnauthorizedAccess;Unauthorized");
    CHECK(answer.body.size() == 161);  // as recorded (iotedgehubdev #95)
  }
}

TEST_CASE("an operation that is not there yet says so loudly") {
  RestClient client;
  for (const auto& [method, path, name] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"GET", "/devices/d/modules/m/devicesAndModulesInDeviceScope", "list devices in scope"}}) {
    CAPTURE(path);
    const RestAnswer answer = client.raw(client.bytes(method, path, {}, {{"Authorization", ""}}));
    CHECK(answer.status == 501);
    CHECK(answer.reason == "Not Implemented");
    CHECK(answer.header("iothub-errorcode") == "NotImplemented");
    CHECK(answer.message() == "ErrorCode:NotImplemented;" + std::string(name) + " is not implemented by the emulator");
  }
}

namespace {

const http::Headers kOpening{{"Authorization", ""},           {"connection", "keep-alive, Upgrade"},
                             {"upgrade", "WebSocket"},        {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                             {"sec-websocket-version", "13"}, {"sec-websocket-protocol", "chat, MQTT"}};

http::Headers opening_but(const std::string& name, const std::string& value) {
  http::Headers headers = kOpening;
  for (http::Header& header : headers) {
    if (header.name == name) header.value = value;
  }
  return headers;
}

}  // namespace

TEST_CASE("an upgrade to WebSocket is answered with the sub-protocol as asked, and what follows goes on") {
  for (const char* target :
       {"/$iothub/websocket", "/%24iothub/websocket/?iothub-no-client-cert=true", "/$servicebus/websocket/",
        "https://localhost/$iothub/websocket?iothub-no-client-cert=true"}) {
    CAPTURE(target);
    RestClient client;
    client.receive(client.bytes("GET", target, {}, kOpening) + "\x82\x80");
    CHECK(client.outbox.take() ==
          "HTTP/1.1 101 Switching Protocols\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"  // RFC 6455, 1.3
          "Sec-WebSocket-Protocol: MQTT\r\n"
          "\r\n");
    CHECK(client.outbox.websocket == heads::WebSocketProtocol::mqtt);
    CHECK(client.outbox.websocket_rest == "\x82\x80");
    client.receive("more");
    CHECK(client.outbox.take().empty());
  }
}

TEST_CASE("AMQP over WebSocket is opened as well") {
  RestClient client;
  client.receive(
      client.bytes("GET", "/$servicebus/websocket/", {}, opening_but("sec-websocket-protocol", "AMQPWSB10")));
  CHECK(client.outbox.take().find("Sec-WebSocket-Protocol: AMQPWSB10\r\n") != std::string::npos);
  CHECK(client.outbox.websocket == heads::WebSocketProtocol::amqp);
}

TEST_CASE("what opens no WebSocket is refused with its reason") {
  const auto status_of = [](const http::Headers& headers) {
    RestClient client;
    const RestAnswer answer = client.raw(client.bytes("GET", "/$iothub/websocket", {}, headers));
    CHECK_FALSE(client.outbox.websocket);
    return answer.status;
  };
  CHECK(status_of(opening_but("sec-websocket-protocol", "chat")) == 400);
  CHECK(status_of(opening_but("sec-websocket-protocol", "")) == 400);
  CHECK(status_of(opening_but("sec-websocket-key", "c2hvcnQ=")) == 400);
  CHECK(status_of(opening_but("sec-websocket-version", "8")) == 426);
  CHECK(status_of(opening_but("upgrade", "h2c")) == 426);
  http::Headers elsewhere = kOpening;
  elsewhere.push_back({"Host", "elsewhere.example"});
  CHECK(status_of(elsewhere) == 421);
}

TEST_CASE("Java's PATCH comes as a POST with X-HTTP-Method-Override") {
  RestClient client;
  client.hub.create("d");
  const RestAnswer answer =
      client.request("POST", "/twins/d", R"({"tags":{"a":1}})", {{"X-HTTP-Method-Override", "PATCH"}});
  CHECK(answer.status == 200);
  CHECK(answer.json().at("tags").at("a") == 1);
  // Only a POST may mean something else.
  CHECK(client.request("GET", "/twins/d", {}, {{"X-HTTP-Method-Override", "DELETE"}}).status == 200);
}

TEST_CASE("pipelined requests are answered in their order, also when cut anywhere") {
  RestClient client;
  client.hub.create("a");
  const std::string two = client.bytes("GET", "/devices/a?api-version=2021-04-12") +
                          client.bytes("GET", "/devices/missing?api-version=2021-04-12");
  client.receive(two);
  for (std::size_t i = 0; i < two.size(); ++i) client.receive(std::string_view(two).substr(i, 1));
  const std::vector<RestAnswer> answers = client.answers();
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].status == 200);
  CHECK(answers[1].status == 404);
  CHECK(answers[2].status == 200);
  CHECK(answers[3].status == 404);
  CHECK(!client.outbox.closed);
  CHECK(!client.outbox.reading_paused);
}

TEST_CASE("Connection: close is honoured, and what follows is not served") {
  RestClient client;
  const std::string last = client.bytes("GET", "/devices?api-version=2021-04-12", {}, {{"Connection", "close"}});
  client.receive(last + last);
  client.receive(last);
  CHECK(client.answer().header("Connection") == "close");
  CHECK(client.outbox.closed);
}

TEST_CASE("a client that expects 100-continue gets it before the answer") {
  RestClient client;
  const std::string request =
      client.bytes("PUT", "/devices/d?api-version=2021-04-12", R"({"deviceId":"d"})", {{"Expect", "100-continue"}});
  const std::size_t body = request.size() - 16;
  client.receive(request.substr(0, body));
  CHECK(client.outbox.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.raw(request.substr(body)).status == 200);
}

TEST_CASE("what cannot be read is answered once, then the connection closes") {
  struct Row {
    std::string bytes;
    int status;
    const char* code;
  };
  for (const Row& row :
       {Row{"BLA BLA BLA\r\n\r\n", 400, "GenericBadRequest"}, Row{"GET / HTTP/1.1\r\n\r\n", 400, "GenericBadRequest"},
        Row{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2097153\r\n\r\n", 413, "MessageTooLarge"},
        Row{"GET /" + std::string(17000, 'x'), 431, "GenericBadRequest"}}) {
    CAPTURE(row.status);
    RestClient client;
    client.receive(row.bytes);
    client.receive("GET / HTTP/1.1\r\n\r\n");
    const RestAnswer answer = client.answer();
    CHECK(answer.status == row.status);
    CHECK(answer.header("iothub-errorcode") == row.code);
    CHECK(answer.header("Connection") == "close");
    CHECK(client.outbox.closed);
  }
}

TEST_CASE("when the commit fails one 500 stands for the turn's answers, and the connection closes") {
  RestClient client;
  client.receive(client.bytes("PUT", "/devices/a?api-version=2021-04-12", R"({"deviceId":"a"})") +
                 client.bytes("PUT", "/devices/b?api-version=2021-04-12", R"({"deviceId":"b"})"));
  REQUIRE(client.answers().size() == 2);  // net drops them
  client.hub.hub.roll_back();
  client.session.commit_failed();
  const RestAnswer answer = client.answer();
  CHECK(answer.status == 500);
  CHECK(answer.reason == "Internal Server Error");
  CHECK(answer.header("iothub-errorcode") == "ServerError");
  CHECK(answer.message() == "ErrorCode:ServerError;ServerError");
  CHECK(answer.header("Connection") == "close");
  CHECK(client.outbox.closed);
  client.receive(client.bytes("GET", "/devices"));
  CHECK(client.outbox.take().empty());
  CHECK(client.hub.hub.registry().devices({}).empty());
}

TEST_CASE("an operation may answer later; meanwhile nothing else is served") {
  LateClient late;
  late.receive(late.request() + late.request());
  CHECK(late.client.outbox.bytes.empty());
  REQUIRE(waiting_calls.size() == 1);

  waiting_calls.at(0)->answer_no_content();
  CHECK(late.client.answer().status == 204);
  CHECK(waiting_calls.size() == 1);  // the answer may have come from inside a hub call
  late.client.scheduler.advance(std::chrono::milliseconds{0});
  REQUIRE(waiting_calls.size() == 2);
  waiting_calls.at(1)->refuse(hub::bad_request("late"));
  CHECK(late.client.answer().status == 400);
}

TEST_CASE("while an operation is at work the client is read on, so that its end is seen, but not without bound") {
  LateClient late;
  late.receive(late.request());
  CHECK(late.session.is_at_work());
  CHECK(!late.client.outbox.reading_paused);
  std::string empty_lines;  // they belong to no request
  while (empty_lines.size() < heads::rest::kMostUnread) empty_lines += "\r\n";
  late.receive(empty_lines);
  CHECK(late.client.outbox.reading_paused);
  waiting_calls.at(0)->answer_no_content();
  late.client.scheduler.advance(std::chrono::milliseconds{0});
  CHECK(!late.client.outbox.reading_paused);
}

TEST_CASE("a client that ends its side gets the answers of all that it sent, then the connection closes") {
  LateClient late;
  CHECK_FALSE(late.session.finishes_alone());  // nothing was asked
  late.receive(late.request() + late.request());
  CHECK(late.session.finishes_alone());
  waiting_calls.at(0)->answer_no_content();
  late.client.scheduler.advance(std::chrono::milliseconds{0});
  REQUIRE(waiting_calls.size() == 2);
  CHECK(!late.client.outbox.closed);
  waiting_calls.at(1)->answer_no_content();
  late.client.scheduler.advance(std::chrono::milliseconds{0});
  CHECK(late.client.answers().size() == 2);
  CHECK(late.client.outbox.closed);
  CHECK_FALSE(late.session.finishes_alone());
}

TEST_CASE("a client that ends its side does not get the answer of what waits for others") {
  LateClient late;
  late.receive(late.request());
  bool stopped = false;
  waiting_calls.at(0)->on_abandon([&] { stopped = true; });
  CHECK_FALSE(late.session.finishes_alone());  // the connection closes
  late.session.closed("gone");
  CHECK(stopped);

  LateClient queued;
  queued.receive(queued.request() + queued.request());
  CHECK(queued.session.finishes_alone());
  waiting_calls.at(0)->answer_no_content();
  queued.client.scheduler.advance(std::chrono::milliseconds{0});
  CHECK(!queued.client.outbox.closed);
}

TEST_CASE("of a client with many requests some are served, then others have their turn") {
  RestClient client;
  client.hub.create("d");
  std::string requests;
  for (int i = 0; i < 40; ++i) requests += client.bytes("GET", "/devices/d?api-version=2021-04-12");
  client.receive(requests);
  CHECK(client.answers().size() == heads::rest::kRequestsAtOnce);
  client.receive(client.bytes("GET", "/devices/d?api-version=2021-04-12"));  // comes while the session rests
  CHECK(client.answers().empty());
  CHECK(client.session.is_at_work());
  const auto after_these = [&] {
    client.session.written();
    client.scheduler.advance(std::chrono::milliseconds{0});
    return client.answers().size();
  };
  CHECK(after_these() == heads::rest::kRequestsAtOnce);
  CHECK(after_these() == 41 - 2 * heads::rest::kRequestsAtOnce);
  CHECK_FALSE(client.session.is_at_work());
}

TEST_CASE("a client that does not take its answers gets no more of them, and is read no further") {
  RestClient stranger;
  CHECK(stranger.session.most_at_once() == heads::kReadOfStranger);
  const std::string request = "GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  stranger.receive(request + request + request);
  CHECK(stranger.answer().status == 401);
  CHECK(stranger.outbox.reading_paused);
  stranger.scheduler.advance(std::chrono::hours{1});
  CHECK(stranger.outbox.bytes.empty());
  for (int i = 0; i < 2; ++i) {
    stranger.session.written();
    stranger.scheduler.advance(std::chrono::milliseconds{0});
    CHECK(stranger.answer().status == 401);
  }
  CHECK(!stranger.outbox.reading_paused);
  CHECK(stranger.request("GET", "/devices").status == 200);
  CHECK(stranger.session.most_at_once() > heads::kReadOfStranger);

  RestClient large;
  for (int i = 0; i < 40; ++i) large.hub.create("device-" + std::to_string(i));
  const std::string list = large.bytes("GET", "/devices?api-version=2021-04-12");
  large.receive(list + list + list);
  const std::vector<RestAnswer> taken = large.answers();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].body.size() > heads::rest::kAnsweredAtOnce);
  large.session.written();
  large.scheduler.advance(std::chrono::milliseconds{0});
  CHECK(large.answers().size() == 1);
}

TEST_CASE("a request that is not whole in time is answered with 408, however it drips") {
  using std::chrono::seconds;
  RestClient client;
  client.hub.create("d");
  const std::string request = client.bytes("GET", "/devices/d?api-version=2021-04-12");
  client.scheduler.advance(seconds{3600});  // an idle client is the connection's affair
  client.receive(request.substr(0, 10));
  client.scheduler.advance(seconds{29});
  client.receive(request.substr(10));
  CHECK(client.answer().status == 200);
  client.scheduler.advance(seconds{3600});
  CHECK(!client.outbox.closed);

  // The next one begins anew, within the same bytes.
  client.receive(request.substr(0, 10));
  client.scheduler.advance(seconds{29});
  client.receive(request.substr(10) + request.substr(0, 10));
  CHECK(client.answer().status == 200);
  for (int i = 0; i < 29; ++i) {
    client.scheduler.advance(seconds{1});
    client.receive(request.substr(static_cast<std::size_t>(10 + i), 1));
  }
  CHECK(!client.outbox.closed);
  client.scheduler.advance(seconds{1});
  const RestAnswer answer = client.answer();
  CHECK(answer.status == 408);
  CHECK(answer.header("Connection") == "close");
  CHECK(client.outbox.closed);

  RestClient slow_body;
  const std::string put = slow_body.bytes("PUT", "/devices/d?api-version=2021-04-12", R"({"deviceId":"d"})");
  slow_body.receive(put.substr(0, put.size() - 5));
  slow_body.scheduler.advance(heads::rest::kRequestTime);
  CHECK(slow_body.outbox.closed);
}

TEST_CASE("who has not proved who he is gets the same answers, whatever the size of his body") {
  RestClient client;
  client.hub.create("d");
  const http::Headers anonymous{{"Authorization", ""}};
  const std::string large = "{\"deviceId\":\"e\",\"x\":\"" + std::string(1'000'000, 'x') + "\"}";
  CHECK(client.request("PUT", "/devices/e", large, anonymous).status == 401);
  CHECK(client.request("PUT", "/nothing", large, anonymous).status == 404);
  CHECK(client.request("POST", "/devices/d/messages/events", large, anonymous).status == 401);
  CHECK(client.request("GET", "/devices/e").status == 404);
  CHECK(client.request("PUT", "/devices/e", large).json().at("deviceId") == "e");
}

TEST_CASE("a body that was not kept is not served when its token becomes good behind it") {
  RestClient client;
  // The hub's clock is set back while the body is on its way: a token that had expired is good again.
  const std::string token = client.token();
  client.hub.clock.advance(2 * 3600);
  const std::string request =
      client.bytes("PUT", "/devices/late?api-version=2021-04-12", R"({"deviceId":"late"})" + std::string(20'000, ' '),
                   {{"Authorization", token}});
  client.receive(request.substr(0, request.size() - 1));
  client.hub.clock.advance(-2 * 3600);
  client.receive(request.substr(request.size() - 1));
  CHECK(client.answer().status == 401);
}

TEST_CASE("an answer that comes after the client has gone is dropped") {
  {
    LateClient late;
    late.receive(late.request());
    late.session.closed("gone");
    waiting_calls.at(0)->answer_no_content();
    CHECK(late.client.outbox.bytes.empty());
  }
  {
    LateClient late;
    late.receive(late.request());
  }
  waiting_calls.at(0)->answer_no_content();
}

TEST_CASE("a commit that fails while an operation is at work answers for it") {
  LateClient late;
  late.receive(late.request() + late.request());
  late.session.commit_failed();
  waiting_calls.at(0)->answer_no_content();
  late.client.scheduler.advance(std::chrono::seconds{1});
  CHECK(late.client.answer().status == 500);
  CHECK(waiting_calls.size() == 1);
  CHECK(late.client.outbox.closed);
}

TEST_CASE("an operation that forgets its call is a bug that shows") {
  LateClient late;
  CHECK_THROWS_AS(late.receive(late.client.bytes("POST", "/forget?api-version=2021-04-12")), std::logic_error);
}

TEST_CASE("a browser that opens the hub's address gets a plain 404") {
  RestClient client;
  CHECK(client.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 404);
}
