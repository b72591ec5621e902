#include "emulator/app/monitor.h"

#include <doctest/doctest.h>

#include "emulator/app/event_client.h"
#include "emulator/app/mqtt_bridge.h"
#include "emulator/app/route_test.h"
#include "emulator/hub/json.h"
#include "emulator/hub/routing/explain.h"
#include "protocol/amqp/message.h"

using namespace iothub;

namespace {

amqp::Message event(const std::string& body) {
  amqp::Message event;
  amqp::add_symbol(event.annotations, "iothub-connection-device-id", std::string("d"));
  amqp::add_symbol(event.annotations, "iothub-connection-module-id", std::string("m"));
  amqp::add_symbol(event.annotations, "iothub-enqueuedtime", amqp::Time{1'795'000'000'123});
  amqp::add_symbol(event.annotations, "iothub-message-source", std::string("Telemetry"));
  amqp::add_symbol(event.annotations, "dt-subject", std::string("t1"));
  amqp::add_symbol(event.annotations, "x-opt-sequence-number", std::int64_t{7});
  amqp::add_symbol(event.annotations, "x-opt-offset", std::string("300"));
  amqp::add_string(event.application_properties, "level", std::string("hot"));
  event.message_id = std::string("m-1");
  event.content_type = "application/json";
  event.data.push_back(body);
  return event;
}

}  // namespace

TEST_CASE("monitor prints an event in one line") {
  CHECK(app::event_text(event("{\"a\":1}")) == "2026-11-18T11:06:40.123Z d/m Telemetry {\"a\":1} level=hot");
  CHECK(app::event_text(event("two\nlines")) == "2026-11-18T11:06:40.123Z d/m Telemetry two lines level=hot");
  CHECK(app::event_text(event("\xff\xfe")) == "2026-11-18T11:06:40.123Z d/m Telemetry //4= level=hot");
}

TEST_CASE("monitor --json prints all that an event has") {
  CHECK(app::event_json(2, event("{\"a\":1}")) ==
        R"({"enqueuedTime":"2026-11-18T11:06:40.123Z","deviceId":"d","moduleId":"m","source":"Telemetry",)"
        R"("partition":"2","sequenceNumber":7,"offset":"300","properties":{"level":"hot"},)"
        R"("systemProperties":{"messageId":"m-1","contentType":"application/json"},"annotations":{"dt-subject":"t1"},)"
        R"("body":{"a":1}})");
  CHECK(hub::Json::parse(app::event_json(2, event("text")))["body"] == "text");
  CHECK(hub::Json::parse(app::event_json(2, event("\xff")))["bodyBase64"] == "/w==");
}

TEST_CASE("where monitor begins is beginning, now or a time") {
  CHECK(app::event_selector("beginning") == "amqp.annotation.x-opt-offset > '-1'");
  CHECK(app::event_selector("now") == "amqp.annotation.x-opt-offset > '@latest'");
  CHECK(app::event_selector("2026-11-18T11:06:40.123Z") == "amqp.annotation.x-opt-enqueued-time >= '1795000000123'");
  CHECK_FALSE(app::event_selector("yesterday"));
}

TEST_CASE("a bridge's topic is filled with what one level of a topic can hold") {
  storage::EventRow row;
  row.device_id = "a+b#c%{source}";
  row.source = "Telemetry";
  CHECK(app::bridge_topic("hub/{deviceId}/{moduleId}/{source}", row) == "hub/a%2Bb%23c%25{source}//Telemetry");
}

TEST_CASE("route test says of each route why, a clause a line") {
  const auto routes = hub::routing::parse_routes(R"({"routes":[
      {"name":"hot","source":"DeviceMessages","condition":"level = 'hot' AND $body.t > 70","endpointNames":["events"]},
      {"name":"twins","source":"TwinChangeEvents","endpointNames":["events"]}]})");
  const auto message = hub::routing::test_message(
      hub::Json::parse(R"({"body":{"t":71},"appProperties":{"level":"cold"}})"), "DeviceMessages");
  CHECK(app::explanation_text(hub::routing::explain(*routes, *message, nullptr)) ==
        "route 'hot' of DeviceMessages does not take it, its condition is false\n"
        "  level = 'hot' AND $body.t > 70 : false\n"
        "    level = 'hot' : false\n"
        "      level : \"cold\"\n"
        "    $body.t > 70 : true\n"
        "      $body.t : 71\n"
        "route 'twins' of TwinChangeEvents does not take it, it is for other messages\n"
        "the fallback route of DeviceMessages takes the message\n"
        "  true : true\n"
        "the message goes to events\n");
}
