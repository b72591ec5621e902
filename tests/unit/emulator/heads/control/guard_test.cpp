#include "emulator/heads/control/guard.h"

#include <doctest/doctest.h>

#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::heads;
using iothub::test::TestHub;

namespace {

struct NoWriter final : HttpExchange::Writer {
  void write_answer(http::Response) override {}
  void begin_stream(const http::Response&) override {}
  void write_stream(std::string_view) override {}
  void end_stream(std::string_view) override {}
};

struct Asked {
  http::Headers headers{{"Host", "localhost:8890"}};
  std::string from = "127.0.0.1:50000";
  std::string token{};
  std::string target = "/_emulator/reset";
  bool open = false;
  bool known = true;

  int status() const {
    TestHub hub;
    NoWriter writer;
    Peer peer;
    peer.secure = false;
    peer.remote_address = from;
    http::Request request;
    request.method = "POST";
    request.headers = headers;
    const HttpExchange exchange(request, http::parse_target(target).value(), known ? &hub.hub : nullptr, peer, writer);
    const auto admitted = control::admit(exchange, token, open);
    return admitted ? 200 : http_status(admitted.error().code);
  }
  Asked with(const std::string& name, const std::string& value) const {
    Asked other = *this;
    other.headers.push_back({name, value});
    return other;
  }
};

}  // namespace

TEST_CASE("without a token the control API is for this machine only") {
  CHECK(Asked{}.status() == 200);
  CHECK(Asked{.from = "[::1]:50000"}.status() == 200);
  CHECK(Asked{.from = "172.17.0.1:50000"}.status() == 403);
  CHECK(Asked{.from = "172.17.0.1:50000", .open = true}.status() == 200);
}

TEST_CASE("with a token it is for who shows it, wherever they are") {
  const Asked remote{.from = "172.17.0.1:50000", .token = "secret"};
  CHECK(remote.status() == 401);
  CHECK(remote.with("Authorization", "Bearer secret").status() == 200);
  CHECK(remote.with("Authorization", "bearer secret").status() == 200);
  CHECK(remote.with("Authorization", "Bearer secre").status() == 401);
  CHECK(remote.with("Authorization", "Bearer secret1").status() == 401);
  CHECK(remote.with("Authorization", "Bearer ").status() == 401);
  CHECK(Asked{.token = "secret"}.status() == 401);
  CHECK(Asked{.token = "secret", .target = "/_emulator/events?token=secret"}.status() == 200);
  CHECK(Asked{.token = "secret", .open = true}.status() == 200);
}

TEST_CASE("a page of another origin is refused, one of the portal is not") {
  CHECK(Asked{}.with("Origin", "http://localhost:8890").status() == 200);
  CHECK(Asked{}.with("Origin", "http://localhost:3000").status() == 403);
  CHECK(Asked{}.with("Origin", "https://localhost:8890").status() == 403);
  CHECK(Asked{}.with("Origin", "null").status() == 403);
  CHECK(Asked{}.with("Sec-Fetch-Site", "same-origin").status() == 200);
  CHECK(Asked{}.with("Sec-Fetch-Site", "none").status() == 200);
  CHECK(Asked{}.with("Sec-Fetch-Site", "same-site").status() == 403);
  CHECK(Asked{}.with("Sec-Fetch-Site", "cross-site").status() == 403);
}

TEST_CASE("a name that no hub has is refused: DNS may lead any name here") {
  CHECK(Asked{.known = false}.status() == 421);
}
