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

/// Of as many devices as there are partitions: in each lie more events than the hub lets wait in a session.
std::vector<int> fill_partitions(AmqpWorld& world) {
  std::vector<int> filled;
  for (int number = 0; filled.size() < 2; ++number) {
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

}  // namespace

TEST_CASE("readers that share a session get all their events, though it takes only a few frames at a time") {
  AmqpWorld world;
  const std::vector<int> partitions = fill_partitions(world);
  AmqpClient client(world);
  client.peer.set_max_frame(kFrame);
  pn_session_t* session = client.peer.begin();
  pn_session_set_incoming_capacity(session, std::size_t{kFrame} * 16);
  REQUIRE(client.put_token(world.policy_token("service")) == "200 OK");

  std::vector<AmqpPeer::Link*> readers;
  for (const int partition : partitions) {
    const std::string source = "localhost/ConsumerGroups/$Default/Partitions/" + std::to_string(partition);
    readers.push_back(&client.peer.receiver(source, kEvents, {}, session));
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
