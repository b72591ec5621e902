#include "emulator/heads/amqp/c2d_message.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::amqp_head;
using namespace std::string_literals;

namespace {

amqp::Message message_to(const std::string& to) {
  amqp::Message message;
  message.to = to;
  message.data = {"turn on"};
  return message;
}

}  // namespace

TEST_CASE("the address of a cloud-to-device message names a device or module, ids percent-encoded or not") {
  struct Row {
    const char* to;
    hub::Identity identity;
  };
  for (const Row& row :
       {Row{"/devices/d1/messages/devicebound", {{"d1"}, {}}}, Row{"/devices/d1/messages/deviceBound", {{"d1"}, {}}},
        Row{"devices/a%23b/messages/devicebound", {{"a#b"}, {}}},
        Row{"/devices/d1/modules/m1/messages/deviceBound", {{"d1"}, {"m1"}}}}) {
    CAPTURE(row.to);
    const auto addressed = addressed_c2d(message_to(row.to));
    REQUIRE(addressed.has_value());
    CHECK(addressed->to == row.identity);
    CHECK(addressed->message.body == "turn on");
  }
}

TEST_CASE("a cloud-to-device message that names no device is refused with 400003") {
  for (const char* to : {"", "/messages/devicebound", "/devices/d1/messages/events", "/devices/d1", "d1"}) {
    CAPTURE(to);
    const auto addressed = addressed_c2d(message_to(to));
    REQUIRE(addressed.has_error());
    CHECK(addressed.error().code == hub::ErrorCode::InvalidOperation);
  }
}

TEST_CASE("properties of a cloud-to-device message; iothub-ack is not one of the application's") {
  amqp::Message message = message_to("/devices/d1/messages/devicebound");
  message.message_id = std::uint64_t{7};
  message.correlation_id = std::string("c");
  message.user_id = "u";
  message.absolute_expiry_time = amqp::Time{1'700'000'000'500};
  amqp::add_string(message.application_properties, "level", std::int32_t{3});
  amqp::add_string(message.application_properties, "iothub-ack", std::string("Full"));
  const auto addressed = addressed_c2d(message);
  REQUIRE(addressed.has_value());
  const hub::C2dMessage& c2d = addressed->message;
  CHECK(c2d.message_id == "7");
  CHECK(c2d.correlation_id == "c");
  CHECK(c2d.user_id == "u");
  REQUIRE(c2d.expiry);
  CHECK(c2d.expiry->unix_milliseconds() == 1'700'000'000'500);
  CHECK(c2d.ack == hub::C2dMessage::Ack::full);
  CHECK(c2d.properties == decltype(c2d.properties){{"level", "3"}});
}

TEST_CASE("an unknown iothub-ack is refused") {
  amqp::Message message = message_to("/devices/d1/messages/devicebound");
  amqp::add_string(message.application_properties, "iothub-ack", std::string("maybe"));
  CHECK(addressed_c2d(message).has_error());
}

TEST_CASE("a delivery tag is the lock token as .NET's Guid writes its bytes") {
  const std::string tag = delivery_tag("00112233-4455-6677-8899-aabbccddeeff");
  CHECK(tag == "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"s);
  CHECK(lock_token_of(tag) == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK_FALSE(lock_token_of("short").has_value());
}

TEST_CASE("a feedback batch carries the hub's name and the time it was formed") {
  hub::FeedbackBatch batch;
  batch.enqueued_time = Timestamp::from_unix_milliseconds(1'700'000'000'500);
  batch.body = R"([{"statusCode":"Success"}])";
  const auto message = amqp::parse_message(encode_feedback(batch, "localhost"));
  REQUIRE(message);
  CHECK(message->user_id == "localhost");
  CHECK(message->content_type == "application/vnd.microsoft.iothub.feedback.json");
  CHECK(message->body() == batch.body);
  const amqp::Value* time = amqp::find(message->annotations, "iothub-enqueuedtime");
  REQUIRE(time != nullptr);
  CHECK(std::get<amqp::Time>(*time).unix_milliseconds == 1'700'000'000'500);
}
