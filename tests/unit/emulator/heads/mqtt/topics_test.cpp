#include "emulator/heads/mqtt/topics.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::mqtt_head;
using iothub::hub::Identity;
using Properties = iothub::hub::Telemetry::Properties;

namespace {

const Identity kDevice{{"d1"}, {}};
const Identity kModule{{"d1"}, {"m1"}};

template <typename Topic>
Topic parsed(std::string_view topic, const Identity& self = kDevice) {
  PublishTopic read = parse_publish_topic(topic, self);
  REQUIRE(std::holds_alternative<Topic>(read));
  return std::get<Topic>(std::move(read));
}

bool is_foreign(std::string_view topic, const Identity& self = kDevice) {
  return std::holds_alternative<ForeignTopic>(parse_publish_topic(topic, self));
}

}  // namespace

TEST_CASE("telemetry topics are accepted with and without the trailing slash") {
  CHECK(parsed<TelemetryTopic>("devices/d1/messages/events").properties.application.empty());
  CHECK(parsed<TelemetryTopic>("devices/d1/messages/events/").properties.application.empty());
  CHECK(parsed<TelemetryTopic>("devices/d1/modules/m1/messages/events/", kModule).properties.application.empty());
}

TEST_CASE("a property bag becomes system and application properties in the order sent") {
  const TelemetryTopic topic = parsed<TelemetryTopic>(
      "devices/d1/messages/events/%24.mid=m%201&%24.ct=application%2Fjson&b=2&a=1&flag&empty=&%24.ce=utf-8");
  CHECK(topic.properties.system ==
        Properties{{"message-id", "m 1"}, {"content-type", "application/json"}, {"content-encoding", "utf-8"}});
  CHECK(topic.properties.application == Properties{{"b", "2"}, {"a", "1"}, {"flag", ""}, {"empty", ""}});
}

TEST_CASE("every system property of the bag has the service's name, with a raw dollar too") {
  const std::optional<PropertyBag> bag = parse_property_bag(
      "$.mid=1&$.cid=2&$.uid=3&$.to=4&$.exp=5&$.ct=6&$.ce=7&$.ctime=8&$.on=9&$.sub=10&$.ifid=11&$.schema=12&"
      "$.diagid=13&$.diagctx=14");
  REQUIRE(bag);
  CHECK(bag->system == Properties{{"message-id", "1"},
                                  {"correlation-id", "2"},
                                  {"user-id", "3"},
                                  {"to", "4"},
                                  {"absolute-expiry-time", "5"},
                                  {"content-type", "6"},
                                  {"content-encoding", "7"},
                                  {"creation-time", "8"},
                                  {"output-name", "9"},
                                  {"dt-subject", "10"},
                                  {"iothub-interface-id", "11"},
                                  {"iothub-message-schema", "12"},
                                  {"Diagnostic-Id", "13"},
                                  {"Correlation-Context", "14"}});
  CHECK(bag->application.empty());
}

TEST_CASE(
    "what a Java device repeats of its own identity is dropped, and an unknown dollar name is the application's") {
  const std::optional<PropertyBag> bag = parse_property_bag("$.cdid=d1&$.cmid=m1&$.new=1&$mid=2&mid=3");
  REQUIRE(bag);
  CHECK(bag->system.empty());
  CHECK(bag->application == Properties{{"$.new", "1"}, {"$mid", "2"}, {"mid", "3"}});
}

TEST_CASE("a bag may begin with a question mark, and the slash that modules add is not part of its last value") {
  CHECK(parsed<TelemetryTopic>("devices/d1/messages/events/?k=v").properties.application == Properties{{"k", "v"}});
  CHECK(
      parsed<TelemetryTopic>("devices/d1/modules/m1/messages/events/%24.on=out&k=v/", kModule).properties.application ==
      Properties{{"k", "v"}});
}

TEST_CASE("names and values are percent-decoded once, and a plus stays a plus") {
  const std::optional<PropertyBag> bag = parse_property_bag("k%20=v%26&a=b=c&p=1+1&twice=%2541&&last=%C3%A4");
  REQUIRE(bag);
  CHECK(bag->application ==
        Properties{{"k ", "v&"}, {"a", "b=c"}, {"p", "1+1"}, {"twice", "%41"}, {"last", "\xC3\xA4"}});
}

TEST_CASE("a malformed percent sequence or an empty name makes the topic foreign") {
  for (const char* topic : {"devices/d1/messages/events/k=%", "devices/d1/messages/events/k=%zz",
                            "devices/d1/messages/events/%4=v", "devices/d1/messages/events/=v"}) {
    CAPTURE(topic);
    CHECK(is_foreign(topic));
  }
}

TEST_CASE("twin requests and method responses carry their rid as sent") {
  CHECK(parsed<TwinGetTopic>("$iothub/twin/GET/?$rid=1").rid == "1");
  CHECK(parsed<TwinGetTopic>("$iothub/twin/GET/?x=1&$rid=a%20b&y").rid == "a%20b");
  CHECK(parsed<ReportedPatchTopic>("$iothub/twin/PATCH/properties/reported/?$rid=7f&$version=3").rid == "7f");
  const auto response = parsed<MethodResponseTopic>("$iothub/methods/res/200/?$rid=3");
  CHECK(response.status == 200);
  CHECK(response.rid == "3");
}

TEST_CASE("topics of others, of a general broker, and requests without a rid are foreign") {
  for (const char* topic : {"test",
                            "devices",
                            "devices/d2/messages/events/",
                            "devices/d11/messages/events/",
                            "devices/d1/messages/eventsX",
                            "devices/d1/messages/devicebound/",
                            "devices/d1/modules/m1/messages/events/",
                            "$iothub/twin/GET/",
                            "$iothub/twin/GET",
                            "$iothub/twin/GET/?rid=1",
                            "$iothub/twin/PATCH/properties/desired/?$rid=1",
                            "$iothub/twin/PATCH/properties/reported/",
                            "$iothub/methods/res/",
                            "$iothub/methods/res/200",
                            "$iothub/methods/res/200/",
                            "$iothub/methods/res/x/?$rid=1",
                            "$iothub/methods/res/-1/?$rid=1",
                            "$iothub/methods/res/99999999999/?$rid=1",
                            "$iothub/methods/POST/x/?$rid=1",
                            "$iothub/twin/res/200/?$rid=1"}) {
    CAPTURE(topic);
    CHECK(is_foreign(topic));
  }
  CHECK(is_foreign("devices/d1/messages/events/", kModule));
  CHECK(is_foreign("devices/d1/modules/m2/messages/events/", kModule));
}

TEST_CASE("the hub's topics have the form the SDKs parse") {
  CHECK(twin_response_topic(200, "a%20b", std::nullopt) == "$iothub/twin/res/200/?$rid=a%20b");
  CHECK(twin_response_topic(204, "1", 5) == "$iothub/twin/res/204/?$rid=1&$version=5");
  CHECK(desired_patch_topic(12) == "$iothub/twin/PATCH/properties/desired/?$version=12");
  CHECK(method_request_topic("thermostat*get report", "1") == "$iothub/methods/POST/thermostat*get%20report/?$rid=1");
}

TEST_CASE("a devicebound topic carries every property percent-encoded, the expiry with seven decimals") {
  hub::C2dMessage message;
  message.message_id = "m 1";
  message.correlation_id = "c&1";
  message.user_id = "u=1";
  message.to = "/devices/d/messages/deviceBound";
  message.content_type = "application/json";
  message.content_encoding = "utf-8";
  message.expiry = Timestamp::from_unix_milliseconds(1'795'314'832'500);
  message.ack = hub::C2dMessage::Ack::full;
  message.properties = {{"k 1", "v/1"}, {"empty", ""}};
  CHECK(devicebound_topic({{"d"}, {}}, message) ==
        "devices/d/messages/devicebound/%24.mid=m%201&%24.to=%2Fdevices%2Fd%2Fmessages%2FdeviceBound"
        "&%24.exp=2026-11-22T02%3A33%3A52.5000000Z&%24.cid=c%261&%24.uid=u%3D1&%24.ct=application%2Fjson"
        "&%24.ce=utf-8&iothub-ack=full&k%201=v%2F1&empty=");

  message.expiry = Timestamp::from_unix_seconds(1'795'314'832);
  CHECK(devicebound_topic({{"d"}, {"m"}}, message).find("%24.exp=2026-11-22T02%3A33%3A52.0000000Z") !=
        std::string::npos);
}
