#include "emulator/heads/amqp/event_filter.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::amqp_head;

TEST_CASE("selector filters of the Event Hubs clients are read") {
  for (const char* selector :
       {"amqp.annotation.x-opt-offset > '-1'", "amqp.annotation.x-opt-offset > '@latest'",
        "amqp.annotation.x-opt-offset >= '1234'", "amqp.annotation.x-opt-sequence-number > '7'",
        "amqp.annotation.x-opt-sequence-number >= '7'", "amqp.annotation.x-opt-enqueued-time > '1700000000000'"}) {
    CAPTURE(selector);
    CHECK(parse_event_filter(selector).has_value());
  }
}

// uamqp's own examples, Event Hubs' client for C and az iot's extension before 2026.
TEST_CASE("the older name of the enqueued time is read, with and without quotes") {
  for (const char* selector : {"amqp.annotation.x-opt-enqueuedtimeutc > '1700000000000'",
                               "amqp.annotation.x-opt-enqueuedtimeutc > 1700000000000"}) {
    CAPTURE(selector);
    const auto position = parse_event_filter(selector);
    REQUIRE(position.has_value());
    CHECK(position->kind == hub::EventPosition::Kind::enqueued_time);
    CHECK(position->value == 1700000000000);
  }
}

TEST_CASE("any other selector is refused") {
  for (const char* selector : {"", "true", "amqp.annotation.x-opt-offset", "amqp.annotation.x-opt-offset < '1'",
                               "amqp.annotation.x-opt-offset > 'x'", "amqp.annotation.x-opt-offset > '1' AND 1 = 1",
                               "amqp.annotation.x-opt-other > '1'", "amqp.annotation.x-opt-enqueued-time > ''"}) {
    CAPTURE(selector);
    CHECK(parse_event_filter(selector).has_error());
  }
}
