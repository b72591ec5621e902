#include <doctest/doctest.h>
#include <proton/session.h>

#include <algorithm>
#include <string>
#include <vector>

#include "emulator/hub/events.h"
#include "tests/unit/emulator/heads/amqp/amqp_world.h"

using namespace iothub;
using namespace iothub::test;

namespace {

constexpr int kEvents = 1500;
constexpr std::uint32_t kFrame = 65536;

/// In each of them lie more events than the hub lets wait in a session.
std::vector<int> fill_partitions(AmqpWorld& world, std::size_t count) {
  std::vector<int> filled;
  for (int number = 0; filled.size() < count; ++number) {
    const hub::DeviceId device{"filler-" + std::to_string(number)};
    const int partition = world.hub.events().partition_of(device);
    if (std::find(filled.begin(), filled.end(), partition) != filled.end()) continue;
    filled.push_back(partition);
    for (int event = 0; event < kEvents; ++event) {
      REQUIRE(world.hub.events().append({{device, {}}, {}, {}, {}}, {{}, {}, std::string(2000, 'x')}));
    }
  }
  REQUIRE(world.hub.commit());
  return filled;
}

std::string source_of(int partition) {
  return "localhost/ConsumerGroups/$Default/Partitions/" + std::to_string(partition);
}

}  // namespace

TEST_CASE("readers that share a session get all their events, though it takes only a few frames at a time") {
  AmqpWorld world;
  const std::vector<int> partitions = fill_partitions(world, 2);
  AmqpClient client(world);
  client.peer.set_max_frame(kFrame);
  pn_session_t* session = client.peer.begin();
  pn_session_set_incoming_capacity(session, std::size_t{kFrame} * 16);
  REQUIRE(client.put_token(world.policy_token("service")) == "200 OK");

  std::vector<AmqpPeer::Link*> readers;
  for (const int partition : partitions) {
    readers.push_back(&client.peer.receiver(source_of(partition), kEvents, {}, session));
  }
  const auto received = [&readers] { return readers[0]->received.size() + readers[1]->received.size(); };
  std::size_t before = 1;
  while (before != received()) {
    before = received();
    client.exchange();
    world.scheduler.advance(std::chrono::milliseconds{0});
    client.exchange();
  }
  CHECK(readers[0]->received.size() == kEvents);
  CHECK(readers[1]->received.size() == kEvents);
}

TEST_CASE("a client that goes on writing and does not read is given no more than what waits for it") {
  AmqpWorld world;
  const std::vector<int> partitions = fill_partitions(world, 4);
  AmqpClient client(world);
  client.peer.set_max_frame(kFrame);
  REQUIRE(client.put_token(world.policy_token("service")) == "200 OK");
  std::vector<AmqpPeer::Link*> readers;
  for (const int partition : partitions) {
    pn_session_t* session = client.peer.begin();
    pn_session_set_incoming_capacity(session, std::size_t{kFrame} * kEvents);
    readers.push_back(&client.peer.receiver(source_of(partition), kEvents, {}, session));
  }
  std::string waiting;
  for (int flows = 0; flows < 20; ++flows) {
    const std::string to_hub = client.peer.out();
    client.session.receive(std::as_bytes(std::span(to_hub)));
    world.scheduler.advance(std::chrono::milliseconds{0});
    waiting += client.outbox.take();
    pn_link_flow(readers[0]->handle, 1);
  }
  CHECK(waiting.size() > std::size_t{1} << 20);
  CHECK(waiting.size() < std::size_t{5} << 19);  // a connection with more than 4 MiB is closed

  // Once it reads again it gets the rest.
  client.peer.in(waiting);
  client.session.written();
  std::size_t before = 1;
  const auto received = [&readers] {
    std::size_t count = 0;
    for (const AmqpPeer::Link* reader : readers) count += reader->received.size();
    return count;
  };
  while (before != received()) {
    before = received();
    client.exchange();
    world.scheduler.advance(std::chrono::milliseconds{0});
    client.exchange();
  }
  CHECK(received() == readers.size() * kEvents);
}
