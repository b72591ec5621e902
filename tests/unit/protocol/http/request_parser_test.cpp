#include "protocol/http/request_parser.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace iothub::http;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t kLimit = 64;

void feed(RequestParser& parser, std::string_view text) {
  parser.feed(std::as_bytes(std::span(text)));
}

/// All the requests in `text`, which must end with the last of them.
std::vector<Request> requests_of(std::string_view text, std::size_t piece) {
  RequestParser parser(kLimit);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < text.size(); i += piece) {
    feed(parser, text.substr(i, piece));
    for (ParserEvent event = parser.next(); !std::holds_alternative<std::monostate>(event); event = parser.next()) {
      REQUIRE(std::holds_alternative<Request>(event));
      requests.push_back(std::get<Request>(std::move(event)));
    }
  }
  CHECK(parser.unread() == 0);
  return requests;
}

Request request_of(std::string_view text) {
  std::vector<Request> requests = requests_of(text, text.size());
  REQUIRE(requests.size() == 1);
  return std::move(requests.front());
}

int refused(std::string_view text) {
  RequestParser parser(kLimit);
  feed(parser, text);
  const ParserEvent event = parser.next();
  const Refusal* refusal = std::get_if<Refusal>(&event);
  if (refusal == nullptr) return 0;
  CHECK(!refusal->reason.empty());
  CHECK(std::holds_alternative<Refusal>(parser.next()));  // and stays so
  return refusal->status;
}

}  // namespace

TEST_CASE("a request comes out whole however its bytes are cut") {
  const std::string_view text =
      "PUT /devices/d?api-version=2021-04-12 HTTP/1.1\r\n"
      "Host: localhost\r\n"
      "CONTENT-length: 16\r\n"
      "X-Empty:\r\n"
      "\r\n"
      "{\"deviceId\":\"d\"}"
      "PATCH /twins/d HTTP/1.1\r\n"
      "Host: localhost\r\n"
      "Transfer-Encoding: chunked\r\n"
      "\r\n"
      "5;name=value\r\nhello\r\n"
      "6\r\n world\r\n"
      "0\r\nHost: a trailer\r\n\r\n"
      "\r\n"
      "GET / HTTP/1.0\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    const std::vector<Request> requests = requests_of(text, piece);
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].method == "PUT");
    CHECK(requests[0].target == "/devices/d?api-version=2021-04-12");
    CHECK(requests[0].headers == Headers{{"Host", "localhost"}, {"CONTENT-length", "16"}, {"X-Empty", ""}});
    CHECK(find(requests[0].headers, "content-LENGTH") == "16");
    CHECK(!find(requests[0].headers, "Authorization"));
    CHECK(requests[0].body == "{\"deviceId\":\"d\"}");
    CHECK(requests[0].minor_version == 1);
    CHECK(requests[0].keep_alive);
    CHECK(!requests[0].upgrade);
    CHECK(requests[1].method == "PATCH");
    CHECK(requests[1].body == "hello world");
    CHECK(requests[1].headers.size() == 2);  // the trailer is no header
    CHECK(requests[2].minor_version == 0);
    CHECK(!requests[2].keep_alive);
  }
}

TEST_CASE("Connection decides whether the connection stays") {
  CHECK(!request_of("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").keep_alive);
  CHECK(request_of("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST_CASE("an upgrade is a request, and what follows it belongs to the new protocol") {
  RequestParser parser(kLimit);
  feed(parser,
       "GET /$iothub/websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x82\x01");
  const ParserEvent event = parser.next();
  REQUIRE(std::holds_alternative<Request>(event));
  CHECK(std::get<Request>(event).upgrade);
  CHECK(parser.take_unread() == "\x82\x01");
  CHECK(parser.unread() == 0);
}

TEST_CASE("a client that expects 100-continue is told once, and only while its body is missing") {
  const std::string header = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  RequestParser waiting(kLimit);
  feed(waiting, header);
  CHECK(std::holds_alternative<ExpectsContinue>(waiting.next()));
  CHECK(std::holds_alternative<std::monostate>(waiting.next()));
  feed(waiting, "{}");
  const ParserEvent event = waiting.next();
  REQUIRE(std::holds_alternative<Request>(event));
  CHECK(std::get<Request>(event).body == "{}");

  RequestParser impatient(kLimit);
  feed(impatient, header + "{}");
  CHECK(std::holds_alternative<Request>(impatient.next()));

  CHECK(refused("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: a-cake\r\n\r\n") == 417);
}

TEST_CASE("a request that two readers could understand differently is refused") {
  const std::string line = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(refused(line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refused(line + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refused(line + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length: 2, 2\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length: +2\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length: -2\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length: 18446744073709551617\r\n\r\n{}") == 400);
  CHECK(refused(line + "Content-Length : 2\r\n\r\n{}") == 400);
  CHECK(refused(line + "Transfer-Encoding: xchunked\r\n\r\n") == 400);
  CHECK(refused(line + "Transfer-Encoding: identity\r\n\r\n") == 400);
  CHECK(refused(line + "Transfer-Encoding: gzip, chunked\r\n\r\n") == 400);
  CHECK(refused(line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(refused(line + "Host: other\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
}

TEST_CASE("malformed bytes are refused with 400") {
  CHECK(refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 400);
  CHECK(refused("GET  HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\nHost: h\n\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost h\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"sv) == 400);
  CHECK(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") == 400);
  CHECK(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}!\r\n0\r\n\r\n") == 400);
}

TEST_CASE("a body over the limit is refused with 413 before it is read") {
  const std::string line = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(refused(line + "Content-Length: 65\r\n\r\n") == 413);
  CHECK(refused(line + "Content-Length: 65\r\nExpect: 100-continue\r\n\r\n") == 413);
  CHECK(refused(line + "Transfer-Encoding: chunked\r\n\r\n41\r\n") == 413);
  CHECK(refused(line + "Transfer-Encoding: chunked\r\n\r\n40\r\n" + std::string(64, 'x') + "\r\n1\r\n") == 413);
  CHECK(request_of(line + "Content-Length: 64\r\n\r\n" + std::string(64, 'x')).body.size() == 64);
}

TEST_CASE("a header of more fields than 256 is refused with 431") {
  std::string fields = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::size_t i = 1; i < kMaxHeaderFields; ++i) fields += "a:b\r\n";
  RequestParser parser(0);
  feed(parser, fields + "\r\n");
  const ParserEvent event = parser.next();
  CHECK(std::get<Request>(event).headers.size() == kMaxHeaderFields);
  CHECK(refused(fields + "a:b\r\n\r\n") == 431);
}

TEST_CASE("a chunked body is read in whatever pieces it arrives, one without a chunk too") {
  for (const auto& [chunks, body] :
       {std::pair("0\r\n\r\n", ""), std::pair("00\r\n\r\n", ""), std::pair("000000\r\n\r\n", ""),
        std::pair("0\r\nT: x\r\n\r\n", ""), std::pair("1\r\n0\r\n0\r\n\r\n", "0"),
        std::pair("4\r\n0000\r\n2\r\n0\r\r\n0\r\n\r\n", "00000\r")}) {
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string sent = head + chunks + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    for (std::size_t step = 1; step <= 5; ++step) {
      CAPTURE(chunks);
      CAPTURE(step);
      RequestParser parser(64);
      std::vector<Request> requests;
      for (std::size_t at = 0; at < sent.size(); at += step) {
        feed(parser, sent.substr(at, step));
        ParserEvent event = parser.next();
        for (; std::holds_alternative<Request>(event); event = parser.next()) {
          requests.push_back(std::get<Request>(std::move(event)));
        }
        REQUIRE(std::holds_alternative<std::monostate>(event));
      }
      REQUIRE(requests.size() == 2);
      CHECK(requests[0].body == body);
      CHECK(requests[1].target == "/next");
    }
  }
}

TEST_CASE("a body that is not to be kept is read over") {
  RequestParser parser([](const Request&) { return BodyPlan{nullptr, 10, false}; });
  feed(parser,
       "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
       "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello, you!\r\n0\r\n\r\n");
  const ParserEvent first = parser.next();
  CHECK(std::get<Request>(first).target == "/a");
  CHECK(std::get<Request>(first).body.empty());
  const ParserEvent second = parser.next();
  CHECK(std::get<Refusal>(second).status == 413);
}

TEST_CASE("a header over the limit is refused with 431, whole or still growing") {
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(kMaxHeaderBytes, 'x') + "\r\n\r\n") == 431);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(kMaxHeaderBytes, 'x')) == 431);
  CHECK(refused("GET /" + std::string(kMaxHeaderBytes, 'x')) == 431);
  CHECK(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                std::string(kMaxHeaderBytes, 'x')) == 431);
  CHECK(request_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(15 * 1024, 'x') + "\r\n\r\n").headers.size() == 2);
}

TEST_CASE("a body with a sink goes there as it arrives, up to its own limit") {
  struct Sink final : BodySink {
    void append(std::string_view piece) override { bytes += piece; }
    std::string bytes;
  } sink;
  RequestParser parser([&](const Request& header) {
    return header.target == "/sink" ? BodyPlan{&sink, 10} : BodyPlan{nullptr, kLimit};
  });
  feed(parser, "PUT /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
  CHECK(std::holds_alternative<std::monostate>(parser.next()));
  CHECK(sink.bytes == "abc");
  CHECK(parser.fills_sink());
  feed(parser, "defPUT /other HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
  const ParserEvent first = parser.next();
  CHECK(std::get<Request>(first).body.empty());
  CHECK(sink.bytes == "abcdef");
  CHECK_FALSE(parser.fills_sink());
  const ParserEvent second = parser.next();
  CHECK(std::get<Request>(second).body == "ok");
  CHECK(sink.bytes == "abcdef");

  feed(parser,
       "PUT /sink HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n7\r\n1234567\r\n0\r\n\r\n");
  const ParserEvent third = parser.next();
  CHECK(std::get<Refusal>(third).status == 413);
}

TEST_CASE("the limit of a header is the same however its bytes are cut") {
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; text.size() < kMaxHeaderBytes + 4096; ++i) text += "X-" + std::to_string(i) + ": x\r\n";
  text += "\r\n";
  for (const std::size_t piece : std::vector<std::size_t>{9, 100, 8000, 16000}) {
    CAPTURE(piece);
    RequestParser parser(kLimit);
    ParserEvent event;
    std::size_t fed = 0;
    for (; fed < text.size() && std::holds_alternative<std::monostate>(event); fed += piece) {
      feed(parser, std::string_view(text).substr(fed, piece));
      event = parser.next();
    }
    REQUIRE(std::holds_alternative<Refusal>(event));
    CHECK(std::get<Refusal>(event).status == 431);
    CHECK(fed <= kMaxHeaderBytes + 3 * piece);  // a field counts when it is whole
  }
}
