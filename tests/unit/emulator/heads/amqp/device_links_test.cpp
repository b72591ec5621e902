#include "emulator/heads/amqp/device_links.h"

#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;
using hub::Json;

// ---- telemetry ------------------------------------------------------------------------------------------------------

TEST_CASE("telemetry is accepted and stored with its properties") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& link = client.sender("/devices/d1/messages/events");
  amqp::Message message = message_of("21.5");
  message.message_id = std::string("m");
  message.content_type = "application/json";
  amqp::add_string(message.application_properties, "level", std::int32_t{3});
  CHECK(client.send(link, message) == "accepted");
  const auto events = world.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].device_id == "d1");
  CHECK(events[0].body == "21.5");
  CHECK(events[0].properties == R"([["level","3"]])");
  CHECK(events[0].system_properties == R"({"message-id":"m","content-type":"application/json"})");
  CHECK(events[0].auth_method.find(R"("type":"sas")") != std::string::npos);
}

TEST_CASE("a batch is unpacked: each of its messages is an event") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& link = client.sender("/devices/d1/messages/events");
  amqp::Message batch;
  for (const char* body : {"1", "2", "3"}) batch.data.push_back(encode(message_of(body)));
  CHECK(client.send(link, batch) == "accepted");
  const auto events = world.events();
  REQUIRE(events.size() == 3);
  CHECK(events[2].body == "3");
}

TEST_CASE("a message of several frames is taken however its bytes come in") {
  for (const std::size_t piece : {100UL, 16384UL, 65536UL, 1UL << 20}) {
    CAPTURE(piece);
    AmqpWorld world;
    DeviceClient client(world);
    AmqpPeer::Link& link = client.sender("/devices/d1/messages/events");
    for (const std::size_t size : {70'000UL, 1UL, 200'000UL, 0UL}) {
      CAPTURE(size);
      pn_delivery_t* delivery = client.peer.send(link, message_of(std::string(size, 'x')));
      const std::string bytes = client.peer.out();
      for (std::size_t at = 0; at < bytes.size(); at += piece)
        client.session.receive(std::as_bytes(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at))));
      client.exchange();
      CHECK(AmqpPeer::outcome(delivery) == "accepted");
    }
    CHECK(world.events().size() == 4);
  }
}

TEST_CASE("telemetry over 256 KB and a body that is a map are rejected, and the link lives on") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& link = client.sender("/devices/d1/messages/events");
  CHECK(client.send(link, message_of(std::string(256 * 1024 + 1, 'x'))) == "rejected: amqp:link:message-size-exceeded");
  amqp::Message map;
  map.value = amqp::Map{};
  CHECK(client.send(link, map) == "rejected: amqp:decode-error");
  CHECK(client.send(link, message_of("x")) == "accepted");
  CHECK(world.events().size() == 1);
}

TEST_CASE("a module's telemetry names its output") {
  AmqpWorld world;
  DeviceClient client(world, kM1);
  AmqpPeer::Link& link = client.sender("/devices/d1/modules/m1/messages/events");
  amqp::Message message = message_of("x");
  amqp::add_string(message.application_properties, "iothub-outputname", std::string("output1"));
  CHECK(client.send(link, message) == "accepted");
  const auto events = world.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].module_id == "m1");
  CHECK(events[0].system_properties == R"({"output-name":"output1"})");
}

// ---- cloud-to-device messages ---------------------------------------------------------------------------------------

TEST_CASE("a waiting message is delivered when there is credit, and not before") {
  AmqpWorld world;
  world.send_c2d("turn on");
  DeviceClient client(world);
  AmqpPeer::Link& link = client.receiver("/devices/d1/messages/devicebound", 0);
  CHECK(link.received.empty());
  pn_link_flow(link.handle, 1);
  client.exchange();
  REQUIRE(link.received.size() == 1);
  CHECK(link.received[0].tag.size() == 16);
  CHECK(link.received[0].message.body() == "turn on");
  world.send_c2d("no credit");
  client.exchange();
  CHECK(link.received.size() == 1);
}

TEST_CASE("accepted completes, released brings it again, rejected ends it") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& link = client.receiver("/devices/d1/messages/devicebound");
  world.send_c2d("1");
  client.exchange();
  REQUIRE(link.received.size() == 1);
  CHECK(client.settle(link.received[0], PN_RELEASED) == "released");
  REQUIRE(link.received.size() == 2);
  CHECK(shown_at(link.received[1].message.annotations, "iothub-deliverycount") == "1");
  CHECK(client.settle(link.received[1], PN_ACCEPTED) == "accepted");
  CHECK(world.hub.c2d().count(kD1) == 0);
  world.send_c2d("2");
  client.exchange();
  REQUIRE(link.received.size() == 3);
  CHECK(client.settle(link.received[2], PN_REJECTED) == "rejected: ");
  CHECK(world.hub.c2d().count(kD1) == 0);
}

TEST_CASE("a disposition after the lock's end is answered with message-lock-lost") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& link = client.receiver("/devices/d1/messages/devicebound", 1);
  world.send_c2d("late");
  client.exchange();
  REQUIRE(link.received.size() == 1);
  world.advance(std::chrono::seconds{61});
  CHECK(client.settle(link.received[0], PN_ACCEPTED) == "rejected: com.microsoft:message-lock-lost");
  CHECK(world.hub.c2d().count(kD1) == 1);
}

TEST_CASE("what was not settled comes again when its link was detached") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& first = client.receiver("/devices/d1/messages/devicebound");
  client.sender("/devices/d1/messages/events");  // the device stays
  world.send_c2d("1");
  client.exchange();
  REQUIRE(first.received.size() == 1);
  client.peer.detach(first);
  client.exchange();
  AmqpPeer::Link& second = client.receiver("/devices/d1/messages/devicebound");
  REQUIRE(second.received.size() == 1);
  CHECK(client.settle(second.received[0], PN_ACCEPTED) == "accepted");
}

TEST_CASE("a module's messages come on its input link as on its cloud-to-device link") {
  for (const char* address :
       {"/devices/d1/modules/m1/messages/events", "/devices/d1/modules/m1/messages/deviceBound"}) {
    CAPTURE(address);
    AmqpWorld world;
    DeviceClient client(world, kM1);
    AmqpPeer::Link& link = client.receiver(address);
    world.send_c2d("for m1", kM1);
    client.exchange();
    REQUIRE(link.received.size() == 1);
    CHECK(client.settle(link.received[0], PN_ACCEPTED) == "accepted");
    CHECK(world.hub.c2d().count(kM1) == 0);
  }
}

TEST_CASE("a device has no input link, and nobody sends on the devicebound address") {
  AmqpWorld world;
  DeviceClient client(world);
  CHECK(client.receiver("/devices/d1/messages/events").refused == "amqp:not-allowed");
  CHECK(client.sender("/devices/d1/messages/devicebound").refused == "amqp:not-allowed");
  CHECK_FALSE(world.shown_connected(kD1));
}

// ---- direct methods -------------------------------------------------------------------------------------------------

TEST_CASE("a method goes to the device and its answer comes back") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& answers = client.sender("/devices/d1/methods/devicebound");
  AmqpPeer::Link& requests = client.receiver("/devices/d1/methods/devicebound");
  std::optional<hub::Result<hub::MethodAnswer>> result;
  hub::MethodCall call;
  call.name = "double";
  call.payload = "21";
  world.hub.methods().invoke(kD1, call, [&](hub::Result<hub::MethodAnswer> answer) { result = std::move(answer); });
  client.exchange();
  REQUIRE(requests.received.size() == 1);
  const amqp::Message& request = requests.received[0].message;
  CHECK(shown_at(request.application_properties, "IoThub-methodname") == "double");
  CHECK(request.body() == "21");
  REQUIRE(std::holds_alternative<amqp::Uuid>(request.correlation_id));

  // As a UUID (C, Java, .NET, Node) or its text.
  amqp::Message answer = message_of("42");
  answer.correlation_id = amqp::text_of(request.correlation_id).value();
  amqp::add_string(answer.application_properties, "IoThub-status", std::int32_t{201});
  CHECK(client.send(answers, answer) == "accepted");
  REQUIRE(result.has_value());
  REQUIRE(result->has_value());
  CHECK((*result)->status == 201);
  CHECK((*result)->payload == 42);
}

TEST_CASE("a method waits for the link and its credit; without them the device is not online") {
  AmqpWorld world;
  DeviceClient client(world);
  client.sender("/devices/d1/messages/events");
  hub::MethodCall call;
  call.name = "m";
  std::optional<hub::ErrorCode> refusal;
  const auto note = [&](hub::Result<hub::MethodAnswer> answer) {
    if (answer.has_error()) refusal = answer.error().code;
  };
  world.hub.methods().invoke(kD1, call, note);
  CHECK(refusal == hub::ErrorCode::DeviceNotOnline);

  call.connect_timeout = std::chrono::seconds{10};
  world.hub.methods().invoke(kD1, call, note);
  AmqpPeer::Link& requests = client.receiver("/devices/d1/methods/devicebound");
  CHECK(requests.received.size() == 1);
}

TEST_CASE("an answer without a status is rejected, one to nobody's request is taken") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& answers = client.sender("/devices/d1/methods/devicebound");
  CHECK(client.send(answers, message_of("{}")) == "rejected: amqp:invalid-field");
  amqp::Message answer = message_of("{}");
  answer.correlation_id = amqp::Uuid{};
  amqp::add_string(answer.application_properties, "IoThub-status", std::int32_t{200});
  CHECK(client.send(answers, answer) == "accepted");
}

// ---- twin -----------------------------------------------------------------------------------------------------------

namespace {

struct Twin {
  explicit Twin(AmqpClient& amqp_client, const std::string& address = "/devices/d1/twin")
      : client(amqp_client), requests(client.sender(address)), answers(client.receiver(address)) {}

  amqp::Message ask(const std::string& operation, const std::string& resource, const std::string& body = " ") {
    amqp::Message request = message_of(body);
    request.correlation_id = std::string("id") + operation;
    amqp::add_symbol(request.annotations, "operation", operation);
    if (!resource.empty()) amqp::add_symbol(request.annotations, "resource", resource);
    CHECK(client.send(requests, request) == "accepted");
    REQUIRE_FALSE(answers.received.empty());
    return answers.received.back().message;
  }

  AmqpClient& client;
  AmqpPeer::Link& requests;
  AmqpPeer::Link& answers;
};
constexpr const char* kReported = "/properties/reported";
constexpr const char* kNotifications = "/notifications/twin/properties/desired";

}  // namespace

TEST_CASE("GET answers 200 with both property sections") {
  AmqpWorld world;
  world.patch_desired(R"({"a":1})");
  DeviceClient client(world);
  Twin twin(client);
  const amqp::Message answer = twin.ask("GET", "");
  CHECK(shown_at(answer.annotations, "status") == "200");
  CHECK(amqp::text_of(answer.correlation_id) == "idGET");
  CHECK(answer.body() == R"({"desired":{"a":1,"$version":2},"reported":{"$version":1}})");
}

TEST_CASE("PATCH of reported answers 204 with a long version and an empty body") {
  AmqpWorld world;
  DeviceClient client(world);
  Twin twin(client);
  const amqp::Message answer = twin.ask("PATCH", kReported, R"({"on":true})");
  CHECK(shown_at(answer.annotations, "status") == "204");
  const amqp::Value* version = amqp::find(answer.annotations, "version");
  REQUIRE(version != nullptr);
  REQUIRE(std::holds_alternative<std::int64_t>(*version));
  CHECK(std::get<std::int64_t>(*version) == 2);
  REQUIRE(answer.data.size() == 1);
  CHECK(answer.data[0].empty());
}

TEST_CASE("a twin request that is refused answers with the status and the bare error object") {
  AmqpWorld world;
  DeviceClient client(world);
  Twin twin(client);
  struct Row {
    const char* operation;
    const char* resource;
    const char* body;
  };
  for (const Row& row : {Row{"PATCH", kReported, R"({"a.b":1})"}, Row{"PATCH", kReported, "{"},
                         Row{"PATCH", "/properties/desired", "{}"}, Row{"POST", "", ""}, Row{"PUT", "", ""}}) {
    CAPTURE(row.body);
    const amqp::Message answer = twin.ask(row.operation, row.resource, row.body);
    CHECK(shown_at(answer.annotations, "status") == "400");
    CHECK(Json::parse(answer.body())["errorCode"] == 400004);
  }
}

TEST_CASE("desired changes come between PUT and DELETE of the notifications only") {
  AmqpWorld world;
  DeviceClient client(world);
  Twin twin(client);
  world.patch_desired(R"({"a":1})");
  client.exchange();
  CHECK(twin.answers.received.empty());

  CHECK(shown_at(twin.ask("PUT", kNotifications).annotations, "status") == "200");
  world.patch_desired(R"({"a":2})");
  client.exchange();
  const amqp::Message change = twin.answers.received.back().message;
  CHECK(change.body() == R"({"a":2,"$version":3})");
  CHECK(change.correlation_id.is_null());
  CHECK(shown_at(change.annotations, "resource") == "/properties/desired");
  CHECK(shown_at(change.annotations, "version") == "3");

  CHECK(shown_at(twin.ask("DELETE", kNotifications).annotations, "status") == "200");
  const std::size_t had = twin.answers.received.size();
  world.patch_desired(R"({"a":3})");
  client.exchange();
  CHECK(twin.answers.received.size() == had);
}

TEST_CASE("a peer that grants no credit for its twin answers is held to a hundred of them") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& requests = client.sender("/devices/d1/twin");
  AmqpPeer::Link& answers = client.receiver("/devices/d1/twin", 0);
  amqp::Message request = message_of(" ");
  amqp::add_symbol(request.annotations, "operation", std::string("GET"));
  for (int i = 0; i < 100; ++i) CHECK(client.send(requests, request) == "accepted");
  CHECK(client.send(requests, request) == "rejected: amqp:resource-limit-exceeded");
  pn_link_flow(answers.handle, 200);
  client.exchange();
  CHECK(answers.received.size() == 100);
  CHECK(client.send(requests, request) == "accepted");
}

TEST_CASE("the model id of a link stands in the twin") {
  AmqpWorld world;
  DeviceClient client(world);
  amqp::Map properties;
  amqp::add_symbol(properties, "com.microsoft:model-id", std::string("dtmi:com:example:Thermostat;1"));
  client.sender("/devices/d1/messages/events", properties);
  CHECK(world.hub.twins().get(kD1).value().twin->model_id == "dtmi:com:example:Thermostat;1");
}
