#include "protocol/http/response.h"

#include <doctest/doctest.h>

using namespace iothub::http;

namespace {

std::string serialized(const Response& response, bool keep_alive) {
  std::string out = "before|";
  serialize(response, keep_alive, out);
  return out;
}

}  // namespace

TEST_CASE("a response is appended with its length first and its headers in order") {
  const Response response{200, {{"Content-Type", "text/plain"}, {"X-A", "1"}}, "hello"};
  CHECK(serialized(response, true) ==
        "before|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nX-A: 1\r\n\r\nhello");
  CHECK(serialized(response, false) ==
        "before|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nX-A: 1\r\nConnection: "
        "close\r\n\r\nhello");
}

TEST_CASE("204 has a Content-Length of 0, as the hub writes it") {
  CHECK(serialized({204, {}, {}}, true) == "before|HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("an answer to HEAD tells the length of the body it leaves out") {
  CHECK(serialized({405, {}, "hello", true}, true) ==
        "before|HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("reason phrases are the real ones") {
  CHECK(reason_phrase(409) == "Conflict");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(412) == "Precondition Failed");
  CHECK(reason_phrase(299) == "");
}

TEST_CASE("dates are written as HTTP writes them") {
  CHECK(http_date(iothub::Timestamp::from_unix_seconds(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http_date(iothub::Timestamp::from_unix_seconds(784'111'777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
}
