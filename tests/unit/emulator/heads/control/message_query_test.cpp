#include "emulator/heads/control/message_query.h"

#include <doctest/doctest.h>

#include "emulator/hub/events.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::heads::control;
using iothub::test::TestHub;

namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

struct Received {
  TestHub hub;

  void send(const std::string& device, const std::string& body, hub::Telemetry::Properties properties = {},
            const std::string& module = {}) {
    hub.clock.advance(1);
    REQUIRE(hub.hub.events().append({{{device}, {module}}, {}, {}, {}}, {{}, std::move(properties), body}));
  }
  std::string bodies(const Query& query, std::size_t limit = 100) {
    const auto matcher = MessageMatcher::from_query(query, {});
    REQUIRE(matcher);
    hub::Json messages = hub::Json::array();
    MessageSearch search(hub.hub, *matcher, cursor, limit);
    steps = 1;
    while (!search.step()) ++steps;
    at_end = search.take(messages);
    cursor = search.cursor();
    std::string bodies;
    for (const hub::Json& message : messages) bodies += message.at("body").dump() + " ";
    return bodies;
  }

  Cursor cursor = Cursor::start(hub.hub);
  bool at_end = false;
  int steps = 0;
};

}  // namespace

TEST_CASE("messages of all partitions come by time, and what does not fit comes next") {
  Received received;
  for (int i = 0; i < 8; ++i) received.send("device" + std::to_string(i % 3), std::to_string(i));
  CHECK(received.bodies({}, 3) == "0 1 2 ");
  CHECK_FALSE(received.at_end);
  CHECK(received.bodies({}, 3) == "3 4 5 ");
  CHECK(received.bodies({}, 3) == "6 7 ");
  CHECK(received.at_end);
  CHECK(received.bodies({}) == "");
}

TEST_CASE("a long stream is looked through in slices, and what a search has found may be taken before its end") {
  Received received;
  for (int i = 0; i < 100; ++i) received.send("d", std::to_string(i));
  CHECK(received.bodies({{"body", "99"}, {"device", "d"}}) == "99 ");
  CHECK(received.steps == 4);  // 32 rows each
  CHECK(received.at_end);

  const auto all = MessageMatcher::from_query({{"device", "d"}}, {});
  MessageSearch search(received.hub.hub, *all, Cursor::start(received.hub.hub), 100);
  CHECK_FALSE(search.step());
  hub::Json messages = hub::Json::array();
  CHECK_FALSE(search.take(messages));
  CHECK(messages.size() == 32);
  received.cursor = search.cursor();
  CHECK(received.bodies({{"device", "d"}}, 1) == "32 ");
}

TEST_CASE("a device's messages are its own, not its modules'") {
  Received received;
  received.send("d", "1");
  received.send("d", "2", {}, "m");
  received.send("e", "3");
  CHECK(received.bodies({{"device", "d"}}) == "1 ");
  received.cursor = Cursor::start(received.hub.hub);
  CHECK(received.bodies({{"device", "d"}, {"module", "m"}}) == "2 ");
}

TEST_CASE("properties and bodies are matched") {
  Received received;
  received.send("d", R"({"a":{"b":[1,"x"]}})", {{"p", "1"}, {"q", "2"}});
  received.send("d", "text", {{"p", "1"}});
  const auto found = [&](const Query& query) {
    received.cursor = Cursor::start(received.hub.hub);
    return received.bodies(query);
  };
  const std::string json = R"({"a":{"b":[1,"x"]}} )";
  CHECK(found({{"property.p", "1"}}) == json + R"("text" )");
  CHECK(found({{"property.p", "1"}, {"property.q", "2"}}) == json);
  CHECK(found({{"property.p", "2"}}) == "");
  CHECK(found({{"body/a/b/0", "1"}}) == json);
  CHECK(found({{"body/a/b/1", "x"}}) == json);
  CHECK(found({{"body/a/b/2", "x"}}) == "");
  CHECK(found({{"body", "text"}}) == R"("text" )");
  CHECK(found({{"bodyContains", "ex"}}) == R"("text" )");
  CHECK(found({{"source", "twinChangeEvents"}}) == "");
}

TEST_CASE("what is no parameter is refused") {
  CHECK_FALSE(MessageMatcher::from_query({{"bodyy", "1"}}, {}));
  CHECK_FALSE(MessageMatcher::from_query({{"module", "m"}}, {}));
  CHECK_FALSE(MessageMatcher::from_query({{"body/~9", "1"}}, {}));
  CHECK(MessageMatcher::from_query({{"limit", "1"}}, {"limit"}));
}

TEST_CASE("a cursor's text reads back, and words and times are places too") {
  Received received;
  received.send("d", "1");
  const Timestamp between = received.hub.clock.now();
  received.hub.clock.advance(1);
  received.send("d", "2");
  hub::Hub& hub = received.hub.hub;
  const Cursor end = Cursor::end(hub);
  CHECK(Cursor::parse(hub, end.text())->next == end.next);
  CHECK(Cursor::parse(hub, "now")->next == end.next);
  CHECK(Cursor::parse(hub, "start")->next == Cursor::start(hub).next);
  received.cursor = *Cursor::parse(hub, text::iso_time({between.ticks + Timestamp::kPerSecond / 2}));
  CHECK(received.bodies({}) == "2 ");
  for (const char* wrong : {"", "1", "1.2.3.x", "1..2.3", "-1.0.0.0", "yesterday", "1.2.3.4.5"}) {
    CAPTURE(wrong);
    CHECK_FALSE(Cursor::parse(hub, wrong));
  }
}

TEST_CASE("bytes that are no text have a body of null and their base64") {
  Received received;
  received.send("d", "\xff\xfe");
  const auto rows = received.bodies({});
  CHECK(rows == "null ");
}
