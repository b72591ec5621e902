#include "emulator/heads/amqp/telemetry_message.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::amqp_head;
using Properties = hub::Telemetry::Properties;

TEST_CASE("properties of a telemetry message get the service's names") {
  amqp::Message message;
  message.message_id =
      amqp::Uuid{{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
  message.to = "/devices/d1/messages/events";
  message.absolute_expiry_time = amqp::Time{1'700'000'000'500};
  amqp::add_symbol(message.annotations, "dt-subject", std::string("thermostat1"));
  amqp::add_symbol(message.annotations, "x-unknown", std::string("dropped"));
  amqp::Map& properties = message.application_properties;
  amqp::add_string(properties, "iothub-connection-device-id", std::string("d1"));
  amqp::add_string(properties, "iothub-creation-time-utc", std::string("2026-11-22T00:00:00Z"));
  amqp::add_string(properties, "iothub-ack", std::string("none"));
  amqp::add_string(properties, "half", 0.5);
  amqp::add_string(properties, "yes", true);
  std::string body;
  const hub::Telemetry telemetry = telemetry_of(message, body);
  CHECK(telemetry.system_properties == Properties{{"message-id", "00112233-4455-6677-8899-aabbccddeeff"},
                                                  {"absolute-expiry-time", "2023-11-14T22:13:20.5Z"},
                                                  {"dt-subject", "thermostat1"},
                                                  {"creation-time", "2026-11-22T00:00:00Z"}});
  CHECK(telemetry.properties == Properties{{"iothub-ack", "none"}, {"half", "0.5"}, {"yes", "true"}});
}

TEST_CASE("a time outside the calendar is dropped") {
  amqp::Message message;
  message.creation_time = amqp::Time{std::numeric_limits<std::int64_t>::max()};
  std::string body;
  CHECK(telemetry_of(message, body).system_properties.empty());
}
