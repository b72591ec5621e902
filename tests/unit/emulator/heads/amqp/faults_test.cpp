// Faults that a device asks for over AMQP (fault-injection.md), and the throttles of a tier there.
#include "emulator/hub/fault_injection.h"

#include "emulator/hub/throttle.h"
#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kEvents = "/devices/d1/messages/events";

struct FaultyWorld : AmqpWorld {
  FaultyWorld() : AmqpWorld(faulty()) {}
  static hub::HubOptions faulty() {
    hub::HubOptions options = TestHub::options({"localhost"});
    options.fault_injection = true;
    return options;
  }
};

amqp::Message fault(const std::string& type, const std::string& delay = "2") {
  amqp::Message message = message_of("fault");
  amqp::add_string(message.application_properties, "AzIoTHub_FaultOperationType", type);
  amqp::add_string(message.application_properties, "AzIoTHub_FaultOperationCloseReason", std::string("Boom"));
  amqp::add_string(message.application_properties, "AzIoTHub_FaultOperationDelayInSecs", delay);
  amqp::add_string(message.application_properties, "AzIoTHub_FaultOperationDurationInSecs", std::string("5"));
  return message;
}

/// d1 with all its links.
struct Everything {
  explicit Everything(AmqpWorld& world) : client(world) {
    events = &client.sender(kEvents);
    c2d = &client.receiver("/devices/d1/messages/devicebound");
    twin_requests = &client.sender("/devices/d1/twin");
    twin_answers = &client.receiver("/devices/d1/twin");
    method_requests = &client.receiver("/devices/d1/methods/devicebound");
    method_answers = &client.sender("/devices/d1/methods/devicebound");
    for (const AmqpPeer::Link* link : all()) REQUIRE(link->refused.empty());
  }
  std::vector<AmqpPeer::Link*> all() {
    return {events, c2d, twin_requests, twin_answers, method_requests, method_answers};
  }
  /// Asks, is accepted, and nothing happens before the delay is over.
  void ask_for(const char* type) {
    CHECK(client.send(*events, fault(type)) == "accepted");
    client.world.advance(1s);
    client.exchange();
    for (const AmqpPeer::Link* link : all()) CHECK(link->refused.empty());
    CHECK_FALSE(client.outbox.closed);
    client.world.advance(1s);
    client.exchange();
  }

  DeviceClient client;
  AmqpPeer::Link* events = nullptr;
  AmqpPeer::Link* c2d = nullptr;
  AmqpPeer::Link* twin_requests = nullptr;
  AmqpPeer::Link* twin_answers = nullptr;
  AmqpPeer::Link* method_requests = nullptr;
  AmqpPeer::Link* method_answers = nullptr;
};

}  // namespace

TEST_CASE("a fault of one link detaches that link with the reason, after its message was accepted and its delay") {
  using Member = AmqpPeer::Link* Everything::*;
  for (const auto& [type, member] :
       std::initializer_list<std::pair<const char*, Member>>{{"KillAmqpD2CLink", &Everything::events},
                                                             {"KillAmqpc2dLink", &Everything::c2d},
                                                             {"KillAmqpTwinLinkReq", &Everything::twin_requests},
                                                             {"KillAmqpTwinLinkResp", &Everything::twin_answers},
                                                             {"KillAmqpMethodReqLink", &Everything::method_requests},
                                                             {"KillAmqpMethodRespLink", &Everything::method_answers}}) {
    CAPTURE(type);
    FaultyWorld world;
    Everything device(world);
    device.ask_for(type);
    for (AmqpPeer::Link* link : device.all()) {
      CHECK(link->refused == (link == device.*member ? "amqp:link:detach-forced" : ""));
      if (link == device.*member) CHECK(link->why == "Boom");
    }
    CHECK(world.events().empty());
    CHECK(world.shown_connected(kD1));
    CHECK(device.client.send(device.client.sender(kEvents), message_of("after")) == "accepted");
  }
}

TEST_CASE("the faults of the two links of $cbs") {
  for (const bool answers : {false, true}) {
    FaultyWorld world;
    Everything device(world);
    device.ask_for(answers ? "KillAmqpCBSLinkResp" : "KillAmqpCBSLinkReq");
    CHECK((answers ? device.client.cbs_answers : device.client.cbs_requests)->refused == "amqp:link:detach-forced");
    CHECK((answers ? device.client.cbs_requests : device.client.cbs_answers)->refused.empty());
    CHECK(device.client.send(*device.events, message_of("after")) == "accepted");
  }
}

TEST_CASE("the connection ends with its reason, its links first, or is cut") {
  for (const char* type : {"KillAmqpConnection", "ShutDownAmqp"}) {
    FaultyWorld world;
    Everything device(world);
    device.ask_for(type);
    for (const AmqpPeer::Link* link : device.all()) CHECK(link->refused == "amqp:connection:forced");
    CHECK(device.client.peer.closed() == "amqp:connection:forced");
    CHECK_FALSE(world.shown_connected(kD1));
    CHECK(device.client.outbox.closed);
    CHECK_FALSE(device.client.outbox.aborted);
  }
  FaultyWorld world;
  Everything device(world);
  device.ask_for("KillTcp");
  CHECK(device.client.outbox.aborted);
  CHECK(device.client.peer.closed().empty());
}

TEST_CASE("the session of a device ends, and another device on the connection lives on in its own") {
  FaultyWorld world;
  DeviceClient client(world);
  client.authenticate(kD2);
  AmqpPeer::Link& d1 = client.sender(kEvents);
  AmqpPeer::Link& d2 = client.peer.sender("/devices/d2/messages/events", {}, client.peer.begin());
  client.exchange();
  REQUIRE(world.shown_connected(kD2));
  CHECK(client.send(d2, fault("KillAmqpSession", "0")) == "accepted");
  world.advance(1s);
  client.exchange();
  CHECK_FALSE(world.shown_connected(kD2));
  CHECK(world.shown_connected(kD1));
  CHECK(client.send(d1, message_of("x")) == "accepted");
  AmqpPeer::Link& again = client.peer.sender("/devices/d2/messages/events", {}, client.peer.begin());
  client.exchange();
  CHECK(client.send(again, message_of("y")) == "accepted");
  CHECK(world.events().size() == 2);
}

TEST_CASE("Invoke... faults reject the device's telemetry for their duration, and leave the link") {
  for (const auto& [type, condition] : {std::pair{"InvokeThrottling", "com.microsoft:device-container-throttled"},
                                        {"InvokeMaxMessageQuota", "amqp:resource-limit-exceeded"},
                                        {"InvokeAuthError", "amqp:unauthorized-access"}}) {
    CAPTURE(type);
    FaultyWorld world;
    Everything device(world);
    CHECK(device.client.send(*device.events, fault(type)) == "accepted");
    CHECK(device.client.send(*device.events, message_of("before")) == "accepted");
    world.advance(2s);
    CHECK(device.client.send(*device.events, message_of("during")) == std::string("rejected: ") + condition);
    world.advance(5s);
    CHECK(device.client.send(*device.events, message_of("after")) == "accepted");
    CHECK(world.events().size() == 2);
  }
}

TEST_CASE("a fault of MQTT and one that cannot be read are rejected; an ordinary hub takes all as telemetry") {
  FaultyWorld world;
  Everything device(world);
  CHECK(device.client.send(*device.events, fault("ShutDownMqtt")) == "rejected: com.microsoft:argument-error");
  CHECK(device.client.send(*device.events, fault("KillEverything")) == "rejected: com.microsoft:argument-error");
  AmqpWorld ordinary;
  DeviceClient client(ordinary);
  CHECK(client.send(client.sender(kEvents), fault("KillTcp", "0")) == "accepted");
  CHECK(ordinary.events().size() == 1);
}

TEST_CASE(
    "throttles of a tier over AMQP: telemetry is rejected, a new device's link refused, a twin answered with 429") {
  hub::HubOptions options = AmqpWorld::options({"localhost"});
  options.size = hub::HubSize{hub::Tier::s1, 1};
  AmqpWorld world(options);
  DeviceClient client(world);
  AmqpPeer::Link& events = client.sender(kEvents);
  AmqpPeer::Link& requests = client.sender("/devices/d1/twin");
  AmqpPeer::Link& answers = client.receiver("/devices/d1/twin");
  for (const hub::Operation operation :
       {hub::Operation::d2c_send, hub::Operation::connection, hub::Operation::twin_read}) {
    while (world.hub.throttle().admit(operation)) continue;
  }
  CHECK(client.send(events, message_of("x")) == "rejected: com.microsoft:device-container-throttled");
  amqp::Message get;
  amqp::add_symbol(get.annotations, "operation", std::string("GET"));
  get.correlation_id = std::string("1");
  CHECK(client.send(requests, get) == "accepted");
  REQUIRE(answers.received.size() == 1);
  CHECK(shown_at(answers.received[0].message.annotations, "status") == "429");
  client.authenticate(kD2);
  CHECK(client.sender("/devices/d2/messages/events").refused == "com.microsoft:device-container-throttled");
  CHECK_FALSE(world.shown_connected(kD2));
}

TEST_CASE("a fault without delay comes when its message's outcome has had time to arrive") {
  FaultyWorld world;
  Everything all(world);
  CHECK(all.client.send(*all.events, fault("KillAmqpConnection", "0")) == "accepted");
  world.scheduler.advance(std::chrono::milliseconds{0});
  all.client.exchange();
  CHECK_FALSE(all.client.outbox.closed);
  world.scheduler.advance(std::chrono::milliseconds{100});
  all.client.exchange();
  CHECK(all.client.peer.closed() == "amqp:connection:forced");
}
