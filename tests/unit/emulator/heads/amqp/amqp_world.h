#pragma once
/// A hub with the devices d1, d2 and the module d1/m1, and connections to it by AMQP.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "emulator/heads/amqp/amqp_session.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/json.h"
#include "tests/unit/support/amqp_peer.h"
#include "tests/unit/support/fake_outbox.h"
#include "tests/unit/support/sas.h"
#include "tests/unit/support/test_hub.h"

namespace iothub::test {

inline const hub::Identity kD1{{"d1"}, {}};
inline const hub::Identity kD2{{"d2"}, {}};
inline const hub::Identity kM1{{"d1"}, {"m1"}};

struct AmqpWorld : TestHub {
  AmqpWorld() : AmqpWorld(options({"localhost"})) {}
  explicit AmqpWorld(hub::HubOptions hub_options) : TestHub(std::move(hub_options)) {
    create("d1");
    create("d2");
    create("d1", "m1");
    hubs.add(hub);
    REQUIRE(hub.commit());
  }

  std::string token(const hub::Identity& identity, std::int64_t seconds = 3600) {
    const std::string key = hub.registry().get(identity).value().row.primary_key.value();
    const std::string path = identity.is_module() ? "%2Fmodules%2F" + identity.module.value : "";
    return sas_token("localhost%2Fdevices%2F" + identity.device.value + path, key,
                     clock.now().unix_seconds() + seconds);
  }
  std::string policy_token(const std::string& policy, std::int64_t seconds = 3600) {
    return sas_token("localhost", hub.auth().policy(policy)->primary_key, clock.now().unix_seconds() + seconds, policy);
  }

  std::vector<storage::EventRow> events() {
    std::vector<storage::EventRow> all;
    for (int partition = 0; partition < store->partition_count(); ++partition) {
      for (storage::EventRow& row : store->events(partition, 0, 1000)) all.push_back(std::move(row));
    }
    return all;
  }

  void patch_desired(const char* desired, const hub::Identity& identity = kD1) {
    hub::Json body;
    body["properties"]["desired"] = hub::Json::parse(desired);
    REQUIRE(hub.twins().patch(identity, body, hub::IfMatch::none()));
  }
  void send_c2d(const std::string& body, const hub::Identity& to = kD1) {
    hub::C2dMessage message;
    message.body = body;
    REQUIRE(hub.c2d().send(to, std::move(message)));
  }
  bool shown_connected(const hub::Identity& identity) { return hub.links().find(identity) != nullptr; }

  void advance(std::chrono::seconds step) {
    clock.advance(step.count());
    scheduler.advance(step);
  }

  hub::HubDirectory hubs;
  heads::SessionEnvironment environment{hubs, scheduler, clock};
};

/// A client and its session; exchange() carries bytes until both are silent.
struct AmqpClient {
  explicit AmqpClient(AmqpWorld& hub_world) : AmqpClient(hub_world, nullptr, nullptr) {}
  AmqpClient(AmqpWorld& hub_world, const char* user, const char* password)
      : world(hub_world),
        peer_of_hub{.connection_id = "c1", .remote_address = {}, .certificate = {}},
        peer(user, password) {}
  ~AmqpClient() { session.closed("the test ends"); }

  void exchange() {
    for (;;) {
      const std::string from_hub = outbox.take();
      peer.in(from_hub);
      if (!from_hub.empty()) session.written();
      const std::string to_hub = peer.out();
      if (from_hub.empty() && to_hub.empty()) return;
      session.receive(std::as_bytes(std::span(to_hub)));
    }
  }

  /// Time passes on both sides; neither falls silent.
  void pass(std::chrono::seconds time) {
    constexpr std::chrono::seconds kStep{60};
    for (; time.count() > 0; time -= kStep) {
      peer.tick(world.clock.now().unix_milliseconds());
      exchange();
      world.advance(std::min(time, kStep));
    }
    peer.tick(world.clock.now().unix_milliseconds());
    exchange();
  }

  /// The answer of `$cbs`: `200 OK`.
  std::string put_token(const std::string& token) {
    if (cbs_requests == nullptr) {
      cbs_requests = &peer.sender("$cbs");
      cbs_answers = &peer.receiver("$cbs", 100);
      exchange();
    }
    amqp::Message request;
    request.message_id = std::string("1");
    amqp::add_string(request.application_properties, "operation", std::string("put-token"));
    amqp::add_string(request.application_properties, "type", std::string("servicebus.windows.net:sastoken"));
    amqp::add_string(request.application_properties, "name", std::string("localhost"));
    request.value = token;
    peer.send(*cbs_requests, request);
    exchange();
    const amqp::Map& answer = cbs_answers->received.back().message.application_properties;
    return amqp::text_of(*amqp::find(answer, "status-code")).value() + " " +
           amqp::text_of(*amqp::find(answer, "status-description")).value();
  }
  void authenticate(const hub::Identity& identity) { REQUIRE(put_token(world.token(identity)) == "200 OK"); }

  AmqpPeer::Link& sender(const std::string& address, const amqp::Map& properties = {}) {
    AmqpPeer::Link& link = peer.sender(address, properties);
    exchange();
    return link;
  }
  AmqpPeer::Link& receiver(const std::string& address, int credit = 10) {
    AmqpPeer::Link& link = peer.receiver(address, credit);
    exchange();
    return link;
  }
  std::string send(AmqpPeer::Link& link, const amqp::Message& message) {
    pn_delivery_t* delivery = peer.send(link, message);
    exchange();
    return AmqpPeer::outcome(delivery);
  }
  /// What the hub answers.
  std::string settle(AmqpPeer::Delivery& delivery, std::uint64_t state) {
    AmqpPeer::settle(delivery, state);
    exchange();
    return AmqpPeer::outcome(delivery.handle);
  }

  AmqpWorld& world;
  heads::Peer peer_of_hub;
  FakeOutbox outbox;
  AmqpPeer peer;
  AmqpPeer::Link* cbs_requests = nullptr;
  AmqpPeer::Link* cbs_answers = nullptr;
  heads::amqp_head::AmqpSession session{world.environment, peer_of_hub, outbox};
};

/// A connection that has shown the identity's token.
struct DeviceClient : AmqpClient {
  explicit DeviceClient(AmqpWorld& hub_world, const hub::Identity& identity = kD1) : AmqpClient(hub_world) {
    authenticate(identity);
  }
};

inline amqp::Message message_of(const std::string& body) {
  amqp::Message message;
  message.data = {body};
  return message;
}

/// An annotation or application property as text; `-` when there is none.
inline std::string shown_at(const amqp::Map& map, std::string_view key) {
  const amqp::Value* value = amqp::find(map, key);
  return value == nullptr ? "-" : amqp::text_of(*value).value_or("?");
}

}  // namespace iothub::test
