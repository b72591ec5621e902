// HTTP/1.1 byte by byte, and what the one listener makes of first bytes that are something else (RFC 9112; Azure IoT
// Hub REST reference for the headers of an answer).
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/wire/support/http_link.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/notation.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {
namespace {

std::string device_of(const RawResponse& response) {
  return nlohmann::json::parse(response.body).at("deviceId").get<std::string>();
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK";
constexpr std::string_view kRefusalHeaders =
    "Content-Length Content-Type Date Server Vary iothub-errorcode x-ms-request-id";

}  // namespace

// ---- answers --------------------------------------------------------------------------------------------------------

TEST_CASE("the head of a GET's answer has the hub's headers and no other") {
  ServiceClient service(shared_emulator());
  service.create("http-head-d");
  HttpLink link(service);
  const RawResponse answer = link.exchange(link.request("GET /devices/http-head-d"));
  CHECK(answer.status_line == kOk);
  CHECK(answer.header_names() == "Content-Length Content-Type Date ETag Server Vary x-ms-request-id");
  CHECK(answer.header("Content-Type") == "application/json; charset=utf-8");
  CHECK(answer.header("Vary") == "Origin");
  CHECK(answer.header("Server") == "Microsoft-HTTPAPI/2.0");
  CHECK(answer.header("x-ms-request-id").size() == 36);
  CHECK(answer.header("ETag") == '"' + nlohmann::json::parse(answer.body).at("etag").get<std::string>() + '"');
  CHECK(device_of(answer) == "http-head-d");
}

TEST_CASE("an answer without a body says so, and has no content type") {
  ServiceClient service(shared_emulator());
  service.create("http-204-d");
  HttpLink link(service);
  const RawResponse answer = link.exchange(link.request("DELETE /devices/http-204-d", "If-Match: *\r\n"));
  CHECK(answer.status_line == "HTTP/1.1 204 No Content");
  CHECK(answer.header_names() == "Content-Length Date Server Vary x-ms-request-id");
  CHECK(answer.header("Content-Length") == "0");
}

TEST_CASE("a refusal names the error in header and body") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const RawResponse answer = link.exchange(link.request("GET /devices/http-nobody"));
  CHECK(answer.status_line == "HTTP/1.1 404 Not Found");
  CHECK(answer.header_names() == kRefusalHeaders);
  CHECK(answer.header("iothub-errorcode") == "DeviceNotFound");
  const auto body = nlohmann::json::parse(answer.body);
  CHECK(body.size() == 2);
  CHECK(body.at("Message").get<std::string>().starts_with("ErrorCode:DeviceNotFound;"));
  std::string tracking = answer.header("x-ms-request-id");
  std::erase(tracking, '-');
  CHECK(body.at("ExceptionMessage").get<std::string>().starts_with("Tracking ID:" + tracking + "-G:"));
}

TEST_CASE("a request without authorization is refused with 401, and the link stays") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const RawResponse answer = link.exchange("GET /devices/x?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(answer.status_line == "HTTP/1.1 401 Unauthorized");
  CHECK(answer.header("iothub-errorcode") == "IotHubUnauthorizedAccess");
  CHECK(link.exchange(link.request("GET /devices")).status_line == kOk);
}

TEST_CASE("a policy that is not there, or has not the right, is refused with 401") {
  ServiceClient service(shared_emulator());
  const std::string request = "GET /devices/x?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\nAuthorization: ";
  std::string unknown = service.authorization();
  unknown.replace(unknown.find("iothubowner"), 11, "nosuchpolicy");
  std::string forged = service.authorization();
  forged.replace(forged.find("sig=") + 4, 4, "AAAA");
  HttpLink link(service);
  for (const std::string& authorization : {unknown, forged}) {
    const RawResponse answer = link.exchange(request + authorization + "\r\n\r\n");
    CHECK(answer.status_line == "HTTP/1.1 401 Unauthorized");
    CHECK(answer.header("iothub-errorcode") == "IotHubUnauthorizedAccess");
  }
}

TEST_CASE("a body that is no JSON is 400, and of it as of a body that is cut off nothing is stored") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  for (const std::string body :
       {R"({"deviceId":"http-partial-d")", "nonsense", "[]", R"({"deviceId":"http-partial-d"}{})"}) {
    CAPTURE(body);
    CHECK(link.exchange(link.request("PUT /devices/http-partial-d", {}, body)).status_line ==
          "HTTP/1.1 400 Bad Request");
  }
  const std::string whole = link.request("PUT /devices/http-partial-d", {}, R"({"deviceId":"http-partial-d"})");
  link.client.send(whole.substr(0, whole.size() - 1));
  CHECK(link.client.is_silent());
  link.client.drop();
  CHECK(service.request("GET", "/devices/http-partial-d").status == 404);
}

TEST_CASE("an unknown path is 404, a known path with another method is 405 and says which") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const RawResponse unknown = link.exchange(link.request("GET /no/such/path"));
  CHECK(unknown.status_line == "HTTP/1.1 404 Not Found");
  CHECK(unknown.header("iothub-errorcode") == "GenericNotFound");
  const RawResponse wrong_method = link.exchange(link.request("POST /devices/x", {}, "{}"));
  CHECK(wrong_method.status_line == "HTTP/1.1 405 Method Not Allowed");
  CHECK(wrong_method.header("Allow") == "GET, PUT, DELETE");
}

TEST_CASE("the answer to HEAD has a length and no body") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  link.client.send(link.request("HEAD /devices/x"));
  const RawResponse head = link.read_response(false);
  CHECK(head.status_line == "HTTP/1.1 405 Method Not Allowed");
  CHECK(head.header("Content-Length") != "0");
  // The next bytes are the next answer's.
  CHECK(link.exchange(link.request("GET /devices")).status_line == kOk);
}

TEST_CASE("a Host that is no name of the hub is misdirected") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  link.client.send("GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: other.azure-devices.net\r\n\r\n");
  const RawResponse answer = link.read_response();
  CHECK(answer.status_line == "HTTP/1.1 421 Misdirected Request");
  for (const std::string host : {"localhost", "LOCALHOST:8443", "127.0.0.1", "127.0.0.1:443", "[::1]:443"}) {
    CAPTURE(host);
    HttpLink named(service);
    const RawResponse served = named.exchange("GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: " + host +
                                              "\r\nAuthorization: " + service.authorization() + "\r\n\r\n");
    CHECK(served.status_line == kOk);
  }
}

// ---- connections ----------------------------------------------------------------------------------------------------

TEST_CASE("one link serves many requests") {
  ServiceClient service(shared_emulator());
  service.create("http-keep-d");
  HttpLink link(service);
  for (int i = 0; i < 20; ++i) CHECK(link.exchange(link.request("GET /devices/http-keep-d")).status_line == kOk);
  const RawResponse last = link.exchange(link.request("GET /devices/http-keep-d", "Connection: close\r\n"));
  CHECK(last.status_line == kOk);
  CHECK(last.header("Connection") == "close");
  CHECK(shown(link.client.read_until_closed()) == "nothing");
}

TEST_CASE("pipelined requests are answered in order") {
  constexpr int kRequests = 50;
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  std::string requests;
  for (int i = 0; i < kRequests; ++i) {
    const std::string device = "http-pipe-" + std::to_string(i);
    requests += link.request("PUT /devices/" + device, {}, R"({"deviceId":")" + device + "\"}");
    requests += link.request("GET /devices/" + device);
  }
  link.client.send(requests);
  for (int i = 0; i < 2 * kRequests; ++i) {
    const RawResponse answer = link.read_response();
    CHECK(answer.status_line == kOk);
    CHECK(device_of(answer) == "http-pipe-" + std::to_string(i / 2));
  }
}

TEST_CASE("a request may come byte by byte") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const std::string request = link.request("PUT /devices/http-slow-d", {}, R"({"deviceId":"http-slow-d"})");
  for (const char byte : request) link.client.send({&byte, 1});
  CHECK(device_of(link.read_response()) == "http-slow-d");
}

TEST_CASE("Expect: 100-continue gets its go-ahead before the body is sent") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const std::string body = R"({"deviceId":"http-expect-d"})";
  const std::string request = link.request("PUT /devices/http-expect-d", "Expect: 100-continue\r\n", body);
  link.client.send(request.substr(0, request.size() - body.size()));
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  CHECK(link.client.read(kContinue.size()) == kContinue);
  CHECK(link.client.is_silent());
  link.client.send(body);
  CHECK(device_of(link.read_response()) == "http-expect-d");
}

TEST_CASE("a chunked body is put together") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const std::string head = link.request("PUT /devices/http-chunk-d", "Transfer-Encoding: chunked\r\n");
  const RawResponse answer =
      link.exchange(head + "8\r\n{\"device\r\n" + "5;ext=1\r\nId\":\"\r\n" + "e\r\nhttp-chunk-d\"}\r\n0\r\n\r\n");
  CHECK(answer.status_line == kOk);
  CHECK(device_of(answer) == "http-chunk-d");
  CHECK(link.exchange(link.request("GET /devices/http-chunk-d")).status_line == kOk);
}

TEST_CASE("HTTP/1.0 closes after its answer, unless it asks not to") {
  ServiceClient service(shared_emulator());
  service.create("http-10-d");
  HttpLink link(service);
  const RawResponse kept =
      link.exchange(link.request("GET /devices/http-10-d", "Connection: keep-alive\r\n", {}, "HTTP/1.0"));
  CHECK(kept.header("Connection") == "keep-alive");
  CHECK(device_of(kept) == "http-10-d");
  CHECK(device_of(link.exchange(link.request("GET /devices/http-10-d", {}, {}, "HTTP/1.0"))) == "http-10-d");
  CHECK(shown(link.client.read_until_closed()) == "nothing");
}

TEST_CASE("HTTP/1.0 without Host reaches the hub") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  const RawResponse answer = link.exchange(
      "GET /devices?api-version=2021-04-12 HTTP/1.0\r\nAuthorization: " + service.authorization() + "\r\n\r\n");
  CHECK(answer.status_line == kOk);
}

TEST_CASE("REST is served over TLS 1.2 and 1.3, on every port") {
  ServiceClient service(shared_emulator());
  HttpLink requests(service);
  for (const Carrier carrier : {Carrier::tls12, Carrier::tls13}) {
    for (const std::string port : {"https", "mqtts", "amqps"}) {
      CAPTURE(port);
      WireClient client(shared_emulator().port(port), carrier, shared_emulator().ca_file());
      client.send(requests.request("GET /devices"));
      CHECK(client.read_until("\r\n") == "HTTP/1.1 200 OK\r\n");
    }
  }
}

// ---- what cannot be read --------------------------------------------------------------------------------------------

TEST_CASE("a request that cannot be read is refused once, and the link closed") {
  struct Row {
    std::string what;
    std::string request;
    std::string status_line;
  };
  const std::string line = "PUT /devices/x?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n";
  std::string flood_of_headers;
  for (int i = 0; i < 2000; ++i) flood_of_headers += "X-" + std::to_string(i) + ": x\r\n";
  const std::vector<Row> rows{
      {"Content-Length beside Transfer-Encoding",
       line + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"two Content-Lengths", line + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "HTTP/1.1 400 Bad Request"},
      {"a Content-Length that is no number", line + "Content-Length: 2x\r\n\r\n{}", "HTTP/1.1 400 Bad Request"},
      {"an unknown transfer coding", line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 Bad Request"},
      {"a chunk size that is no number", line + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
       "HTTP/1.1 400 Bad Request"},
      {"HTTP/1.1 without Host", "GET /devices?api-version=2021-04-12 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"two Hosts", "GET /devices HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"a request line of one word", "GET\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"a blank before the colon", line + "If-Match : *\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"an unknown expectation", line + "Expect: tea\r\nContent-Length: 2\r\n\r\n{}",
       "HTTP/1.1 417 Expectation Failed"},
      {"a header of 20 KB", line + "X-Long: " + std::string(20000, 'x') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large"},
      {"a flood of small headers", line + flood_of_headers + "\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
      {"a chunked body without end", line + "Transfer-Encoding: chunked\r\n\r\n300000\r\n" + std::string(0x300000, 'x'),
       "HTTP/1.1 413 Request Entity Too Large"},
      {"a body of 64 MB, refused by its length", line + "Content-Length: 67108864\r\n\r\n{",
       "HTTP/1.1 413 Request Entity Too Large"},
  };
  ServiceClient service(shared_emulator());
  for (const Row& row : rows) {
    CAPTURE(row.what);
    HttpLink link(service);
    link.client.send(row.request);
    const RawResponse answer = link.read_response();
    CHECK(answer.status_line == row.status_line);
    CHECK(answer.header("Connection") == "close");
    CHECK(shown(link.client.read_until_closed()) == "nothing");
  }
}

TEST_CASE("a request smuggled behind an unreadable one is not served") {
  ServiceClient service(shared_emulator());
  HttpLink link(service);
  link.client.send(
      "POST /devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" +
      std::string("0\r\n\r\n") + link.request("PUT /devices/http-smuggled-d", {}, R"({"deviceId":"http-smuggled-d"})"));
  CHECK(link.read_response().status_line == "HTTP/1.1 400 Bad Request");
  link.client.read_until_closed();
  CHECK(service.request("GET", "/devices/http-smuggled-d").status == 404);
}

// ---- first bytes that are something else ----------------------------------------------------------------------------

TEST_CASE("plain HTTP on the TLS port is told to use https, and closed") {
  WireClient client(shared_emulator().port("https"), Carrier::plain, {});
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.read_until_closed();
  CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(answer.find("https://") != std::string::npos);
}

TEST_CASE("plain MQTT on the TLS port is closed without an answer") {
  ServiceClient service(shared_emulator());
  WireClient client(shared_emulator().port("mqtts"), Carrier::plain, {});
  client.send(wire_bytes(kConnectClean, names_of(service.create("plain-mqtt-d"))));
  CHECK(shown(client.read_until_closed()) == "nothing");
  CHECK(service.connection_state("plain-mqtt-d") == "Disconnected");
}

TEST_CASE("first bytes that are no protocol of the hub close the link") {
  struct Row {
    std::string what;
    Carrier carrier;
    std::string bytes;
  };
  const std::vector<Row> rows{
      {"AMQP without TLS", Carrier::plain, wire_bytes("'AMQP' 03 01 00 00")},
      {"zeros over TLS", Carrier::tls13, std::string(64, '\0')},
      {"zeros", Carrier::plain, std::string(64, '\0')},
      {"ff", Carrier::plain, "\xff"},
      {"TLS inside TLS", Carrier::tls12, wire_bytes("16 0301 0005 0100 0001 00")},
      {"a TLS record that is no ClientHello", Carrier::plain, wire_bytes("16 0301 0005 ff00 0001 00 00")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    WireClient client(shared_emulator().port("amqps"), row.carrier, shared_emulator().ca_file());
    client.send(row.bytes);
    const std::string left = client.read_until_closed();
    // A TLS alert says what is wrong with a handshake; nothing else is answered.
    CHECK((left.empty() || (row.carrier == Carrier::plain && left[0] == '\x15')));
  }
}

TEST_CASE("a slow TLS handshake, a slow first byte and a slow request hold up nobody") {
  ServiceClient service(shared_emulator());
  service.create("not-held-d");
  WireClient nothing(shared_emulator().port("https"), Carrier::plain, {});
  WireClient half_hello(shared_emulator().port("https"), Carrier::plain, {});
  half_hello.send(wire_bytes("16 0301 0200 01 0001fc 0303"));  // a ClientHello of 512 bytes, cut off
  HttpLink no_request(service);
  HttpLink half_request(service);
  half_request.client.send("GET /devices HTTP/1.1\r\nHo");
  WireClient half_amqp(shared_emulator().port("https"), Carrier::tls12, shared_emulator().ca_file());
  half_amqp.send("AM");
  for (int i = 0; i < 20; ++i) {
    HttpLink link(service);
    CHECK(link.exchange(link.request("GET /devices/not-held-d")).status_line == kOk);
  }
  for (WireClient* slow : {&nothing, &half_hello, &no_request.client, &half_request.client, &half_amqp}) {
    CHECK(slow->is_silent(std::chrono::milliseconds{20}));
  }
  // Whoever was slow is served once he goes on.
  CHECK(no_request.exchange(no_request.request("GET /devices/not-held-d")).status_line == kOk);
}

TEST_CASE("a client that goes away in the middle of anything does no harm") {
  ServiceClient service(shared_emulator());
  service.create("gone-d");
  for (int i = 0; i < 50; ++i) {
    WireClient(shared_emulator().port("https"), Carrier::plain, {});
    WireClient(shared_emulator().port("https"), Carrier::plain, {}).send("\x16\x03");
    WireClient(shared_emulator().port("https"), Carrier::tls13, shared_emulator().ca_file()).send("GET /dev");
    HttpLink link(service);
    for (int requests = 0; requests < 20; ++requests) link.client.send(link.request("GET /devices/gone-d"));
  }
  CHECK(service.request("GET", "/devices/gone-d").status == 200);
}

}  // namespace iothub::test
