// Faults by rule on what devices do over AMQP.
#include "emulator/heads/amqp/rule_faults.h"

#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;
using namespace std::chrono_literals;

namespace {

using Action = hub::FaultRule::Action;

constexpr const char* kEvents = "/devices/d1/messages/events";
constexpr const char* kDevicebound = "/devices/d1/messages/devicebound";

struct Rule {
  const char* operation = "";
  Action action = Action::drop;
  std::chrono::milliseconds delay{0};
  const char* device = "d1";
};

void add(AmqpWorld& world, const Rule& rule) {
  hub::FaultRule added;
  added.device = rule.device;
  added.operation = rule.operation;
  added.protocol = "amqp";
  added.action = rule.action;
  added.delay = rule.delay;
  added.status = 503;
  added.count = 1;
  world.hub.fault_rules().add(added);
}

std::vector<std::string> bodies(AmqpWorld& world) {
  std::vector<std::string> bodies;
  for (const storage::EventRow& row : world.events()) bodies.push_back(row.body);
  return bodies;
}

using Bodies = std::vector<std::string>;

/// d1 with its link for telemetry.
struct Sender {
  AmqpWorld world;
  DeviceClient client{world};
  AmqpPeer::Link& events = client.sender(kEvents);
};

}  // namespace

TEST_CASE("telemetry that a rule drops is neither stored nor answered; what follows is") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::drop});
  CHECK(client.send(events, message_of("1")) == "none");
  CHECK(client.send(events, message_of("2")) == "accepted");
  CHECK(bodies(world) == Bodies{"2"});
}

TEST_CASE("telemetry that a rule refuses is rejected with the condition of the status") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::throttle});
  CHECK(client.send(events, message_of("1")) == "rejected: com.microsoft:device-container-throttled");
  add(world, {"telemetry", Action::status});
  CHECK(client.send(events, message_of("2")) == "rejected: amqp:internal-error");
  CHECK(bodies(world).empty());
}

TEST_CASE("telemetry that a rule doubles is stored twice and accepted once") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::duplicate});
  CHECK(client.send(events, message_of("1")) == "accepted");
  CHECK(bodies(world) == Bodies{"1", "1"});
}

TEST_CASE("a rule of another device or protocol strikes nothing here") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::drop, 0ms, "d2"});
  hub::FaultRule mqtt;
  mqtt.protocol = "mqtt";
  mqtt.action = Action::drop;
  world.hub.fault_rules().add(mqtt);
  CHECK(client.send(events, message_of("1")) == "accepted");
}

TEST_CASE("a delay holds the connection: what comes meanwhile waits behind it, and a rule may strike it then") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::delay, 500ms});
  pn_delivery_t* first = client.peer.send(events, message_of("1"));
  pn_delivery_t* second = client.peer.send(events, message_of("2"));
  pn_delivery_t* third = client.peer.send(events, message_of("3"));
  client.exchange();
  CHECK(client.outbox.reading_paused);
  add(world, {"telemetry", Action::drop});
  world.scheduler.advance(499ms);
  client.exchange();
  CHECK(AmqpPeer::outcome(first) == "none");
  CHECK(bodies(world).empty());

  world.scheduler.advance(1ms);
  client.exchange();
  CHECK_FALSE(client.outbox.reading_paused);
  CHECK(AmqpPeer::outcome(first) == "accepted");
  CHECK(AmqpPeer::outcome(second) == "none");
  CHECK(AmqpPeer::outcome(third) == "accepted");
  CHECK(bodies(world) == Bodies{"1", "3"});
}

TEST_CASE("the link of a delayed message may be gone when its time comes") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::delay, 500ms});
  client.peer.send(events, message_of("1"));
  client.exchange();
  client.peer.detach(events);
  client.exchange();
  world.scheduler.advance(500ms);
  client.exchange();
  CHECK(bodies(world).empty());
  CHECK_FALSE(client.outbox.closed);
}

TEST_CASE("a cut ends the connection without a word") {
  Sender sender;
  auto& [world, client, events] = sender;
  add(world, {"telemetry", Action::cut});
  CHECK(client.send(events, message_of("1")) == "none");
  CHECK(client.outbox.aborted);
  CHECK(client.peer.closed().empty());
}

TEST_CASE("a twin request that a rule refuses is answered with the status") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& requests = client.sender("/devices/d1/twin");
  AmqpPeer::Link& answers = client.receiver("/devices/d1/twin");
  add(world, {"twin", Action::status});
  amqp::Message request = message_of("");
  request.correlation_id = std::string("1");
  amqp::add_symbol(request.annotations, "operation", "GET");
  CHECK(client.send(requests, request) == "accepted");
  REQUIRE(answers.received.size() == 1);
  CHECK(shown_at(answers.received[0].message.annotations, "status") == "503");
}

TEST_CASE("a rule that names a device strikes its first link, one that names none the connection") {
  AmqpWorld world;
  SUBCASE("named") {
    DeviceClient client(world);
    add(world, {"connect", Action::refuse_connection});
    CHECK(client.sender(kEvents).refused == "amqp:internal-error");
    CHECK_FALSE(world.shown_connected(kD1));
    CHECK(client.sender(kEvents).refused.empty());
    CHECK(world.shown_connected(kD1));
  }
  SUBCASE("named, later") {
    DeviceClient client(world);
    add(world, {"connect", Action::delay, 200ms});
    client.sender(kEvents);
    CHECK_FALSE(world.shown_connected(kD1));
    world.scheduler.advance(200ms);
    client.exchange();
    CHECK(world.shown_connected(kD1));
  }
  SUBCASE("any") {
    add(world, {"connect", Action::refuse_connection, 0ms, ""});
    AmqpClient refused(world);
    refused.peer.sender("$cbs");
    refused.exchange();
    CHECK(refused.peer.closed() == "amqp:internal-error");
    DeviceClient next(world);
    CHECK(next.sender(kEvents).refused.empty());
  }
}

TEST_CASE("a settlement that a rule drops leaves the message in its queue; one that it delays comes later") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& received = client.receiver(kDevicebound);
  world.send_c2d("1");
  client.exchange();
  REQUIRE(received.received.size() == 1);
  const auto waiting = [&world] { return world.store->c2d_message_count("d1", ""); };
  SUBCASE("dropped") {
    add(world, {"c2d", Action::drop});
    client.settle(received.received[0], PN_ACCEPTED);
    world.scheduler.advance(1s);
    CHECK(waiting() == 1);
  }
  SUBCASE("delayed") {
    add(world, {"c2d", Action::delay, 300ms});
    client.settle(received.received[0], PN_ACCEPTED);
    CHECK(waiting() == 1);
    world.scheduler.advance(300ms);
    CHECK(waiting() == 0);
  }
  SUBCASE("refused") {
    add(world, {"c2d", Action::status});
    CHECK(client.settle(received.received[0], PN_ACCEPTED) == "rejected: amqp:internal-error");
    CHECK(waiting() == 1);
  }
}

TEST_CASE("what the hub sends may be lost on its way") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& received = client.receiver(kDevicebound);
  add(world, {"c2d-delivery", Action::drop});
  world.send_c2d("1");
  client.exchange();
  CHECK(received.received.empty());
  CHECK(world.store->c2d_message_count("d1", "") == 1);
}
