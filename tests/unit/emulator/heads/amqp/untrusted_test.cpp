// What a connection may cost that has not proved who it is.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <span>
#include <string>

#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;

namespace {

constexpr std::chrono::seconds kAlmost = heads::amqp_head::kProofTime - std::chrono::seconds{1};
constexpr std::chrono::seconds kRest{1};

}  // namespace

TEST_CASE("who puts no token within 30 s is let go, and told so, whether he answers or not") {
  AmqpWorld world;
  AmqpClient client(world);
  client.exchange();
  world.advance(kAlmost);
  client.exchange();
  CHECK_FALSE(client.outbox.closed);
  world.advance(kRest);
  CHECK(client.outbox.closed);
  CHECK(client.outbox.close_reason == "amqp:connection:forced: No token was put in time");
  client.exchange();
  CHECK(client.peer.closed() == "amqp:connection:forced");
}

TEST_CASE("a token that is refused is no proof") {
  AmqpWorld world;
  AmqpClient client(world);
  CHECK(client.put_token(world.token(kD1, -3600)).starts_with("401"));
  world.advance(kAlmost + kRest);
  CHECK(client.outbox.closed);
}

TEST_CASE("who has put a token may be silent for longer") {
  AmqpWorld world;
  DeviceClient by_cbs(world);
  const std::string password = world.policy_token("service");
  AmqpClient by_plain(world, "service@sas.root.localhost", password.c_str());
  by_plain.exchange();
  world.advance(kAlmost + kRest + kRest);
  CHECK_FALSE(by_cbs.outbox.closed);
  CHECK_FALSE(by_plain.outbox.closed);
}

TEST_CASE("a device with a certificate opens and attaches its links when it needs them; without open it is let go") {
  AmqpWorld world;
  AmqpClient opens(world);
  opens.peer_of_hub.certificate = hub::ClientCertificate{std::string(40, 'a'), std::string(64, 'c'), "x1"};
  AmqpClient silent(world);
  silent.peer_of_hub.certificate = opens.peer_of_hub.certificate;
  opens.exchange();
  const std::string header("AMQP\0\1\0\0", 8);
  silent.session.receive(std::as_bytes(std::span(header)));
  world.advance(kAlmost + kRest);
  CHECK_FALSE(opens.outbox.closed);
  CHECK(silent.outbox.closed);
}

TEST_CASE("a pool of devices may begin its sessions before the first token, but not any number of strangers") {
  AmqpWorld world;
  AmqpClient pool(world);
  for (int i = 0; i < 1000; ++i) pool.peer.begin();
  pool.exchange();
  CHECK_FALSE(pool.outbox.closed);
  std::deque<AmqpClient> strangers;
  const auto refused = [&] {
    return std::count_if(strangers.begin(), strangers.end(), [](const AmqpClient& each) { return each.outbox.closed; });
  };
  for (int i = 0; i < 4; ++i) {
    AmqpClient& stranger = strangers.emplace_back(world);
    for (int sessions = 0; sessions < 1000; ++sessions) stranger.peer.begin();
    stranger.exchange();
  }
  CHECK(refused() == 1);
  CHECK(strangers.back().peer.closed() == "amqp:resource-limit-exceeded");
  strangers.pop_back();  // gives back what it had
  // Who opens no more than an SDK does is served beside them, and so is the pool.
  CHECK(pool.put_token(world.token(kD1)) == "200 OK");
  DeviceClient beside(world);
  strangers.clear();
  AmqpClient again(world);
  for (int i = 0; i < 1000; ++i) again.peer.begin();
  again.exchange();
  CHECK_FALSE(again.outbox.closed);
}

TEST_CASE("before a token come 64 KiB, in frames of 4 KiB with 2 KiB of messages that wait, at most") {
  AmqpWorld world;
  AmqpClient of_frame(world);
  AmqpPeer::Link& cbs = of_frame.sender("$cbs");
  of_frame.peer.send(cbs, std::string(4'100, 'x'));
  of_frame.exchange();
  CHECK(of_frame.outbox.closed);
  CHECK(of_frame.peer.closed() == "amqp:resource-limit-exceeded");

  AmqpClient of_messages(world);
  AmqpPeer::Link& requests = of_messages.sender("$cbs");
  for (int i = 0; i < 10; ++i) of_messages.peer.send(requests, std::string(3'000, 'x'));
  of_messages.exchange();
  CHECK_FALSE(of_messages.outbox.closed);  // each was whole, and answered
  of_messages.peer.send_part(requests, std::string(1'500, 'x'));
  of_messages.exchange();
  CHECK_FALSE(of_messages.outbox.closed);
  of_messages.peer.send_part(requests, std::string(600, 'x'));
  of_messages.exchange();
  CHECK(of_messages.outbox.closed);

  AmqpClient of_all(world);
  of_all.exchange();
  const std::string heartbeat("\0\0\0\x08\2\0\0\0", 8);
  std::string many;
  for (int i = 0; i < 6'000; ++i) many += heartbeat;
  of_all.session.receive(std::as_bytes(std::span(many)));
  CHECK_FALSE(of_all.outbox.closed);
  of_all.session.receive(std::as_bytes(std::span(many)));
  CHECK(of_all.outbox.closed);
}

TEST_CASE("after a token a device may send what it likes") {
  AmqpWorld world;
  DeviceClient device(world);
  AmqpPeer::Link& events = device.sender("/devices/d1/messages/events");
  for (int i = 0; i < 4; ++i) CHECK(device.send(events, message_of(std::string(60'000, 'x'))) == "accepted");
  for (int i = 0; i < 100; ++i) device.peer.begin();
  device.exchange();
  CHECK_FALSE(device.outbox.closed);
}

TEST_CASE("a client names its mechanism once; a second SASL frame or a frame of no known type ends the connection") {
  const std::string sasl("AMQP\3\1\0\0", 8);
  const std::string amqp("AMQP\0\1\0\0", 8);
  const std::string init(
      "\0\0\0\x19\x02\x01\0\0\0\x53\x41\xC0\x0C\x01\xA3\x09"
      "ANONYMOUS",
      25);
  const std::string open("\0\0\0\x12\x02\0\0\0\0\x53\x10\xC0\x05\x01\xA1\x02xy", 18);
  std::string unknown = open;
  unknown[5] = 2;
  struct Case {
    std::string bytes;
    bool ends;
    bool opened = false;
  };
  for (const Case& row :
       {Case{sasl + init, false}, Case{sasl + init + amqp + open, false}, Case{sasl + init + init, true},
        Case{sasl + init + amqp + init, true}, Case{sasl + init + amqp + open + init, true, true},
        Case{amqp + open + unknown, true, true}, Case{sasl + unknown, true}}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.bytes.size()}) {
      AmqpWorld world;
      FakeOutbox outbox;
      heads::amqp_head::AmqpSession session(world.environment, {.connection_id = "c1", .remote_address = "x"}, outbox);
      for (std::size_t at = 0; at < row.bytes.size() && !outbox.closed; at += step) {
        session.receive(std::as_bytes(std::span(row.bytes).subspan(at, std::min(step, row.bytes.size() - at))));
      }
      CAPTURE(row.bytes.size());
      CAPTURE(step);
      CHECK(outbox.closed == row.ends);
      if (row.ends) CHECK(outbox.close_reason.starts_with("amqp:connection:framing-error"));
      // Who has opened the connection is told.
      const bool told = outbox.take().find("amqp:connection:framing-error") != std::string::npos;
      CHECK(told == row.opened);
      session.closed("the test ends");
    }
  }
}
