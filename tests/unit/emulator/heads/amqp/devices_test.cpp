#include "emulator/heads/amqp/devices.h"

#include "emulator/hub/limits.h"
#include "tests/unit/emulator/heads/amqp/amqp_world.h"
#include "tests/unit/support/certificates.h"

using namespace iothub;
using namespace iothub::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kEventsOfD1 = "/devices/d1/messages/events";
constexpr const char* kEventsOfD2 = "/devices/d2/messages/events";

/// d1 and d2 on one connection, each with a link.
struct TwoDevices {
  explicit TwoDevices(AmqpWorld& hub_world) : world(hub_world), client(world) {
    client.authenticate(kD1);
    client.authenticate(kD2);
    d1 = &client.sender(kEventsOfD1);
    d2 = &client.sender(kEventsOfD2);
    REQUIRE(world.shown_connected(kD1));
    REQUIRE(world.shown_connected(kD2));
  }
  bool d2_lives() { return client.send(*d2, message_of("x")) == "accepted"; }

  AmqpWorld& world;
  AmqpClient client;
  AmqpPeer::Link* d1 = nullptr;
  AmqpPeer::Link* d2 = nullptr;
};

void disable(AmqpWorld& world, const hub::Identity& identity) {
  hub::IdentityWrite write;
  write.enabled = false;
  REQUIRE(world.hub.registry().put(identity, write, hub::IfMatch::any()));
}

}  // namespace

// ---- who may have links ---------------------------------------------------------------------------------------------

TEST_CASE("a link needs the token of its own device") {
  AmqpWorld world;
  AmqpClient client(world);
  CHECK(client.sender(kEventsOfD1).refused == "amqp:unauthorized-access");
  client.authenticate(kD1);
  CHECK(client.sender(kEventsOfD1).refused.empty());
  CHECK(client.sender(kEventsOfD2).refused == "amqp:unauthorized-access");
  CHECK(client.sender("/devices/d1/modules/m1/messages/events").refused == "amqp:unauthorized-access");
  CHECK(client.sender("/devices/stranger/messages/events").refused == "amqp:unauthorized-access");
}

TEST_CASE("a policy's token with DeviceConnect opens the links of any device; an unknown one is not found") {
  AmqpWorld world;
  AmqpClient client(world);
  CHECK(client.put_token(world.policy_token("device")) == "200 OK");
  CHECK(client.sender(kEventsOfD1).refused.empty());
  CHECK(client.sender("/devices/d1/modules/m1/twin").refused.empty());
  const AmqpPeer::Link& stranger = client.sender("/devices/stranger/messages/events");
  CHECK(stranger.refused == "amqp:not-found");
  CHECK(stranger.why.find("404001") != std::string::npos);
}

TEST_CASE("a policy without DeviceConnect opens no device's link") {
  AmqpWorld world;
  AmqpClient client(world);
  CHECK(client.put_token(world.policy_token("service")) == "200 OK");
  CHECK(client.sender(kEventsOfD1).refused == "amqp:unauthorized-access");
}

TEST_CASE("a disabled device gets no token and no link") {
  AmqpWorld world;
  AmqpClient client(world);
  const std::string token = world.token(kD1);
  disable(world, kD1);
  CHECK(client.put_token(token).starts_with("401"));
  CHECK(client.sender(kEventsOfD1).refused == "amqp:unauthorized-access");
}

TEST_CASE("SASL PLAIN names the device or module of its token") {
  AmqpWorld world;
  struct Row {
    const char* user;
    std::string password;
    const char* address;  ///< null: the connection is refused
  };
  for (const Row& row : {Row{"d1@sas.localhost", world.token(kD1), kEventsOfD1},
                         Row{"d1/modules/m1@sas.localhost", world.token(kM1), "/devices/d1/modules/m1/twin"},
                         Row{"d1@sas.localhost", world.policy_token("device"), kEventsOfD1},
                         Row{"d2@sas.localhost", world.token(kD1), nullptr},
                         Row{"d1@sas.localhost", world.policy_token("service"), nullptr},
                         Row{"d1@sas.localhost", "no token", nullptr}}) {
    CAPTURE(row.user);
    AmqpClient client(world, row.user, row.password.c_str());
    client.exchange();
    if (row.address == nullptr) {
      CHECK(client.outbox.closed);
    } else {
      CHECK(client.sender(row.address).refused.empty());
    }
  }
}

TEST_CASE("a registered certificate opens the links of its device, and of no other") {
  AmqpWorld world;
  hub::IdentityWrite write;
  write.authentication_type = "selfSigned";
  write.primary_thumbprint = std::string(40, 'A');
  write.secondary_thumbprint = std::string(40, 'B');
  REQUIRE(world.hub.registry().put({{"x1"}, {}}, write, hub::IfMatch::none()));
  AmqpClient client(world);
  client.peer_of_hub.certificate = hub::ClientCertificate{std::string(40, 'a'), std::string(64, 'c'), "x1"};
  AmqpPeer::Link& link = client.sender("/devices/x1/messages/events");
  CHECK(client.send(link, message_of("x")) == "accepted");
  CHECK(client.sender(kEventsOfD1).refused == "amqp:unauthorized-access");
  const AmqpPeer::Link& stranger = client.sender("/devices/stranger/messages/events");
  CHECK(stranger.refused == "amqp:not-found");
  CHECK(stranger.why.find("stranger") != std::string::npos);
  client.pass(std::chrono::hours{4});
  CHECK(client.send(link, message_of("certificates do not expire in use")) == "accepted");
}

TEST_CASE("a certificate signed by a registered CA opens the links of the device it names") {
  const std::int64_t now = FakeClock().now().unix_seconds();
  const TestCertificate ca("ca", true, now - 60, now + 3600);
  const TestCertificate leaf("x2", false, now - 60, now + 3600, &ca);
  hub::HubOptions options = AmqpWorld::options({"localhost"});
  options.auth.device_cas = {ca.pem()};
  AmqpWorld world(options);
  hub::IdentityWrite write;
  write.authentication_type = "certificateAuthority";
  for (const char* device : {"x2", "x3"})
    REQUIRE(world.hub.registry().put({{device}, {}}, write, hub::IfMatch::none()));
  AmqpClient client(world);
  client.peer_of_hub.certificate =
      hub::ClientCertificate{std::string(40, 'a'), std::string(64, 'c'), "x2", {leaf.der()}};
  CHECK(client.sender("/devices/x2/messages/events").refused.empty());
  CHECK(client.sender("/devices/x3/messages/events").refused == "amqp:unauthorized-access");
}

// ---- coming and going -----------------------------------------------------------------------------------------------

TEST_CASE("a device is connected from its first link to its last") {
  AmqpWorld world;
  DeviceClient client(world);
  CHECK_FALSE(world.shown_connected(kD1));
  AmqpPeer::Link& events = client.sender(kEventsOfD1);
  AmqpPeer::Link& c2d = client.receiver("/devices/d1/messages/devicebound");
  client.peer.detach(events);
  client.exchange();
  CHECK(world.shown_connected(kD1));
  client.peer.detach(c2d);
  client.exchange();
  CHECK_FALSE(world.shown_connected(kD1));
  CHECK(client.sender(kEventsOfD1).refused.empty());
  CHECK(world.shown_connected(kD1));
}

TEST_CASE("the end of a session ends its device") {
  AmqpWorld world;
  DeviceClient client(world);
  pn_session_t* session = client.peer.begin();
  client.peer.sender(kEventsOfD1, {}, session);
  client.exchange();
  CHECK(world.shown_connected(kD1));
  pn_session_close(session);
  client.exchange();
  CHECK_FALSE(world.shown_connected(kD1));
}

TEST_CASE("a second link for the same purpose takes the first one's place") {
  AmqpWorld world;
  DeviceClient client(world);
  AmqpPeer::Link& first = client.sender(kEventsOfD1);
  AmqpPeer::Link& second = client.sender(kEventsOfD1);
  CHECK(first.refused == "amqp:link:stolen");
  CHECK(client.send(second, message_of("x")) == "accepted");
  CHECK(world.shown_connected(kD1));
}

TEST_CASE("a newer connection takes the device over; the older one's other devices live on") {
  AmqpWorld world;
  TwoDevices older(world);
  DeviceClient newer(world);
  AmqpPeer::Link& link = newer.sender(kEventsOfD1);
  older.client.exchange();
  CHECK(older.d1->refused == "amqp:link:stolen");
  CHECK(newer.send(link, message_of("x")) == "accepted");
  CHECK(older.d2_lives());
  CHECK(world.shown_connected(kD1));
}

TEST_CASE("disabling or deleting one device of a connection leaves the others alone") {
  AmqpWorld world;
  TwoDevices devices(world);
  SUBCASE("disabled") {
    disable(world, kD1);
    devices.client.exchange();
    CHECK(devices.d1->refused == "amqp:unauthorized-access");
  }
  SUBCASE("deleted") {
    REQUIRE(world.hub.registry().remove(kD1, hub::IfMatch::any()));
    devices.client.exchange();
    CHECK(devices.d1->refused == "amqp:not-found");
  }
  CHECK_FALSE(world.shown_connected(kD1));
  CHECK(devices.d2_lives());
  CHECK(devices.client.sender(kEventsOfD1).refused != "");
}

TEST_CASE("closing one device's links leaves the others alone; the connection's end takes all") {
  AmqpWorld world;
  {
    TwoDevices devices(world);
    devices.client.peer.detach(*devices.d1);
    devices.client.exchange();
    CHECK_FALSE(world.shown_connected(kD1));
    CHECK(devices.d2_lives());
  }
  CHECK_FALSE(world.shown_connected(kD2));
}

TEST_CASE("a peer that is silent for twice the time that open tells it is let go") {
  AmqpWorld world;
  DeviceClient client(world);
  client.sender(kEventsOfD1);
  world.advance(479s);
  CHECK_FALSE(client.outbox.closed);
  world.advance(1s);
  CHECK(client.outbox.closed);
  CHECK(client.outbox.close_reason == "amqp:resource-limit-exceeded: local-idle-timeout expired");
}

TEST_CASE("a failed token of one device leaves the others alone") {
  AmqpWorld world;
  TwoDevices devices(world);
  CHECK(devices.client.put_token("SharedAccessSignature sr=localhost%2Fdevices%2Fd1&sig=AAAA&se=99999999999") ==
        "401 The specified SAS token has an invalid signature. It does not match either the primary or secondary key.");
  CHECK(devices.d2_lives());
  CHECK(devices.d1->refused.empty());
}

// ---- tokens that end ------------------------------------------------------------------------------------------------

TEST_CASE("a device whose token has expired is detached after the grace, the others live on") {
  AmqpWorld world;
  AmqpClient client(world);
  REQUIRE(client.put_token(world.token(kD1, 60)) == "200 OK");
  client.authenticate(kD2);
  AmqpPeer::Link& d1 = client.sender(kEventsOfD1);
  AmqpPeer::Link& d2 = client.sender(kEventsOfD2);
  client.pass(std::chrono::seconds{60 + hub::kSasLiveGraceSeconds - 1});
  CHECK(d1.refused.empty());
  client.pass(1s);
  CHECK(d1.refused == "amqp:unauthorized-access");
  CHECK_FALSE(world.shown_connected(kD1));
  CHECK(client.send(d2, message_of("x")) == "accepted");
}

TEST_CASE("a renewed token keeps the links") {
  AmqpWorld world;
  AmqpClient client(world);
  REQUIRE(client.put_token(world.token(kD1, 60)) == "200 OK");
  AmqpPeer::Link& link = client.sender(kEventsOfD1);
  client.pass(50s);
  REQUIRE(client.put_token(world.token(kD1, 3600)) == "200 OK");
  client.pass(std::chrono::seconds{60 + hub::kSasLiveGraceSeconds});
  CHECK(client.send(link, message_of("x")) == "accepted");
}
