#include "emulator/hub/c2d.h"

#include <doctest/doctest.h>

#include "emulator/hub/feedback.h"
#include "emulator/hub/json.h"
#include "emulator/hub/observer.h"
#include "tests/unit/support/temporary_folder.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace std::chrono_literals;
using hub::C2dLock;
using hub::C2dMessage;
using hub::ErrorCode;
using hub::Identity;
using Ack = hub::C2dMessage::Ack;

namespace {

const Identity kDevice{{"d"}, {}};
const Identity kModule{{"d"}, {"m"}};

/// Takes as many messages as it has credit for.
struct FakeLink final : hub::DeviceLink {
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override {}
  bool deliver_c2d(const C2dMessage& message) override {
    if (credit == 0) return false;
    --credit;
    taken.push_back(message);
    return true;
  }
  C2dLock c2d_lock() const override { return lock; }

  /// The bodies taken since the last call, by spaces.
  std::string bodies() {
    std::string all;
    for (const C2dMessage& message : taken) all += (all.empty() ? "" : " ") + message.body;
    taken.clear();
    return all;
  }

  int credit = 100;
  C2dLock lock = C2dLock::timed;
  std::vector<C2dMessage> taken;
};

struct World : test::TestHub {
  World() {
    create("d");
    create("d", "m");
  }

  hub::Result<std::int64_t> send(const std::string& body, Ack ack = Ack::none, std::int64_t ttl_seconds = 0,
                                 const Identity& to = kDevice) {
    C2dMessage message;
    message.body = body;
    message.message_id = "id-" + body;
    message.ack = ack;
    if (ttl_seconds != 0) message.expiry = clock.now().plus_seconds(ttl_seconds);
    return c2d.send(to, message);
  }
  void advance(std::chrono::seconds step) {
    clock.advance(step.count());
    scheduler.advance(step);
  }
  std::string receive() {
    const auto message = c2d.receive(kDevice);
    return message ? message->body : "(none)";
  }
  std::string receive_token() { return c2d.receive(kDevice).value().lock_token; }

  /// `id-a Success, id-b Expired` of what was recorded until now.
  std::string feedback() {
    advance(15s);
    std::string all;
    while (const auto batch = hub.feedback().receive()) {
      for (const hub::Json& record : hub::Json::parse(batch->body)) {
        if (!all.empty()) all += ", ";
        all += record.value("originalMessageId", "-") + " " + record.at("statusCode").get<std::string>();
      }
      REQUIRE(hub.feedback().complete(batch->lock_token));
    }
    return all;
  }

  hub::C2d& c2d = hub.c2d();
};

template <typename T>
ErrorCode code_of(const hub::Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

}  // namespace

TEST_CASE("a message comes back as it was sent, with what the hub gives it") {
  World world;
  C2dMessage sent;
  sent.message_id = "m1";
  sent.correlation_id = "c1";
  sent.user_id = "u1";
  sent.content_type = "application/json";
  sent.content_encoding = "utf-8";
  sent.expiry = world.clock.now().plus_seconds(100);
  sent.ack = Ack::full;
  sent.properties = {{"z", "1"}, {"a", ""}, {"z", "ü"}};
  sent.body = std::string("\x00\xff", 2);
  REQUIRE(world.c2d.send(kModule, sent));
  CHECK_FALSE(world.c2d.receive(kDevice));

  const C2dMessage got = world.c2d.receive(kModule).value();
  CHECK(got.message_id == "m1");
  CHECK(got.correlation_id == "c1");
  CHECK(got.user_id == "u1");
  CHECK(got.to == "/devices/d/modules/m/messages/deviceBound");
  CHECK(got.content_type == "application/json");
  CHECK(got.content_encoding == "utf-8");
  CHECK(got.expiry == sent.expiry);
  CHECK(got.expires == *sent.expiry);
  CHECK(got.ack == Ack::full);
  CHECK(got.properties == sent.properties);
  CHECK(got.body == sent.body);
  CHECK(got.sequence_number == 1);
  CHECK(got.enqueued_time == world.clock.now());
  CHECK(got.delivery_count == 0);
  CHECK_FALSE(got.redelivered);
  CHECK(got.lock_token.size() == 36);
}

TEST_CASE("a message without an expiry lives one hour and shows none") {
  World world;
  REQUIRE(world.send("a"));
  const C2dMessage got = world.c2d.receive(kDevice).value();
  CHECK_FALSE(got.expiry);
  CHECK(got.expires == world.clock.now().plus_seconds(3600));
}

TEST_CASE("what cannot be sent is refused with the service's code") {
  World world;
  CHECK(code_of(world.send("a", Ack::none, 0, {{"x"}, {}})) == ErrorCode::DeviceNotFound);
  CHECK(code_of(world.send("a", Ack::none, 0, {{"d"}, {"x"}})) == ErrorCode::ModuleNotFound);
  CHECK(code_of(world.send("a", Ack::none, -1)) == ErrorCode::InvalidMessageExpiryTime);
  CHECK(code_of(world.send("a", Ack::none, 48 * 3600 + 1)) == ErrorCode::InvalidMessageExpiryTime);
  CHECK(world.send("a", Ack::none, 48 * 3600));

  C2dMessage message;
  message.to = "x";
  message.body = std::string(65'534, 'b');
  message.properties = {{"n", ""}};
  CHECK(world.c2d.send(kDevice, message));  // 65536 bytes in all
  message.properties = {{"n", "v"}};
  CHECK(code_of(world.c2d.send(kDevice, message)) == ErrorCode::MessageTooLarge);

  message.body.clear();
  message.properties = {{"n", "\xff"}};
  CHECK(code_of(world.c2d.send(kDevice, message)) == ErrorCode::ArgumentInvalid);
}

TEST_CASE("the queue holds fifty messages, locked ones too") {
  World world;
  for (int i = 0; i < 50; ++i) REQUIRE(world.send(std::to_string(i)));
  const std::string token = world.receive_token();
  CHECK(world.c2d.count(kDevice) == 50);
  CHECK(code_of(world.send("51")) == ErrorCode::DeviceMaximumQueueDepthExceeded);
  REQUIRE(world.c2d.complete(kDevice, token));
  CHECK(world.send("51"));
  CHECK(world.send("other queue", Ack::none, 0, kModule));
}

TEST_CASE("pulled messages come oldest first, each once, and stay locked for a minute") {
  World world;
  for (const char* body : {"a", "b", "c"}) REQUIRE(world.send(body));
  const C2dMessage first = world.c2d.receive(kDevice).value();
  CHECK(first.body == "a");
  CHECK(world.receive() == "b");
  world.advance(59s);
  CHECK(world.receive() == "c");
  CHECK(world.receive() == "(none)");
  world.advance(1s);
  CHECK(code_of(world.c2d.complete(kDevice, first.lock_token)) == ErrorCode::DeviceMessageLockLost);

  const C2dMessage again = world.c2d.receive(kDevice).value();
  CHECK(again.body == "a");
  CHECK(again.delivery_count == 0);  // a lock that ends is no abandonment
  CHECK(again.redelivered);
  CHECK(again.sequence_number == first.sequence_number);
  CHECK(again.lock_token != first.lock_token);
}

TEST_CASE("each end of a message is told to the senders that asked for it") {
  struct Row {
    const char* name;
    void (*end)(World&);
    const char* status;
    bool is_success;
  };
  const Row rows[] = {
      {"complete", [](World& w) { REQUIRE(w.c2d.complete(kDevice, w.receive_token())); }, "Success", true},
      {"reject", [](World& w) { REQUIRE(w.c2d.reject(kDevice, w.receive_token())); }, "Rejected", false},
      {"expiry", [](World& w) { w.advance(100s); }, "Expired", false},
      {"ten abandonments",
       [](World& w) {
         for (int i = 0; i < 10; ++i) REQUIRE(w.c2d.abandon(kDevice, w.receive_token()));
       },
       "DeliveryCountExceeded", false},
      {"purge", [](World& w) { CHECK(w.c2d.purge(kDevice).value() == 1); }, "Purged", false},
  };
  for (const Row& row : rows) {
    for (const Ack ack : {Ack::none, Ack::positive, Ack::negative, Ack::full}) {
      CAPTURE(row.name);
      CAPTURE(to_string(ack));
      World world;
      REQUIRE(world.send("a", ack, 100));
      row.end(world);
      CHECK(world.c2d.count(kDevice) == 0);
      const bool told = ack == Ack::full || ack == (row.is_success ? Ack::positive : Ack::negative);
      CHECK(world.feedback() == (told ? "id-a " + std::string(row.status) : ""));
    }
  }
}

TEST_CASE("an abandoned message is next again, with one more delivery counted") {
  World world;
  REQUIRE(world.send("a"));
  REQUIRE(world.send("b"));
  const C2dMessage first = world.c2d.receive(kDevice).value();
  REQUIRE(world.c2d.abandon(kDevice, first.lock_token));
  CHECK(code_of(world.c2d.abandon(kDevice, first.lock_token)) == ErrorCode::DeviceMessageLockLost);
  const C2dMessage again = world.c2d.receive(kDevice).value();
  CHECK(again.body == "a");
  CHECK(again.delivery_count == 1);
}

TEST_CASE("a lock belongs to its own queue") {
  World world;
  REQUIRE(world.send("a"));
  const std::string token = world.receive_token();
  CHECK(code_of(world.c2d.complete(kModule, token)) == ErrorCode::DeviceMessageLockLost);
  CHECK(code_of(world.c2d.complete(kDevice, "")) == ErrorCode::DeviceMessageLockLost);
  CHECK(world.c2d.complete(kDevice, token));
}

TEST_CASE("a locked message expires when its lock ends, not before") {
  World world;
  REQUIRE(world.send("a", Ack::full, 10));
  SUBCASE("settled in time") {
    const std::string token = world.receive_token();
    world.advance(30s);
    CHECK(world.c2d.complete(kDevice, token));
    CHECK(world.feedback() == "id-a Success");
  }
  SUBCASE("not settled") {
    world.receive();
    world.advance(60s);
    CHECK(world.c2d.count(kDevice) == 0);
    CHECK(world.feedback() == "id-a Expired");
  }
  SUBCASE("abandoned after its time") {
    const std::string token = world.receive_token();
    world.advance(30s);
    CHECK(world.c2d.abandon(kDevice, token));
    CHECK(world.feedback() == "id-a Expired");
  }
}

TEST_CASE("expiry goes by the clock, also when nobody asks") {
  World world;
  REQUIRE(world.send("a", Ack::none, 20));
  REQUIRE(world.send("b", Ack::none, 10));
  REQUIRE(world.send("c"));
  world.advance(10s);
  CHECK(world.c2d.count(kDevice) == 2);
  world.advance(10s);
  CHECK(world.receive() == "c");
  world.advance(3600s);
  CHECK(world.c2d.count(kDevice) == 0);
}

TEST_CASE("a purge takes locked messages too, and their settlement is refused") {
  World world;
  REQUIRE(world.send("a", Ack::positive));
  REQUIRE(world.send("b", Ack::negative));
  const std::string token = world.receive_token();
  CHECK(world.c2d.purge(kDevice).value() == 2);
  CHECK(world.c2d.purge(kDevice).value() == 0);
  CHECK(code_of(world.c2d.complete(kDevice, token)) == ErrorCode::DeviceMessageLockLost);
  CHECK(world.feedback() == "id-b Purged");
  CHECK(world.c2d.purge({{"x"}, {}}).error().code == ErrorCode::DeviceNotFound);
  REQUIRE(world.send("c"));
  CHECK(world.c2d.receive(kDevice).value().sequence_number == 3);  // never twice
}

TEST_CASE("the sender is told the sequence number") {
  World world;
  CHECK(world.send("a").value() == 1);
  CHECK(world.c2d.purge(kDevice).value() == 1);
  CHECK(world.send("b").value() == 2);
  CHECK(world.send("m", Ack::none, 0, kModule).value() == 1);
}

TEST_CASE("a look shows what waits and what is locked, and changes neither") {
  World world;
  REQUIRE(world.send("first"));
  REQUIRE(world.send("second", Ack::full, 100));
  const C2dMessage received = world.c2d.receive(kDevice).value();
  for (int times = 0; times < 2; ++times) {
    const auto queue = world.c2d.look(kDevice, 3).value();
    REQUIRE(queue.size() == 2);
    CHECK(queue[0].locked);
    CHECK(queue[0].lock_ends == world.clock.now().plus_seconds(60));
    CHECK(queue[0].message.body == "fir");
    CHECK(queue[0].body_bytes == 5);
    CHECK(queue[0].message.lock_token.empty());  // so that nobody settles by it
    CHECK_FALSE(queue[1].locked);
    CHECK_FALSE(queue[1].lock_ends);
    CHECK(queue[1].message.message_id == "id-second");
    CHECK(queue[1].message.expires == world.clock.now().plus_seconds(100));
    CHECK(queue[1].message.ack == Ack::full);
  }
  REQUIRE(world.c2d.abandon(kDevice, received.lock_token));
  CHECK(world.c2d.look(kDevice, 3).value()[0].message.delivery_count == 1);
  CHECK_FALSE(world.c2d.look(kDevice, 3).value()[0].locked);
  CHECK(world.c2d.receive(kDevice).value().body == "first");
  CHECK(world.c2d.look(kModule, 3).value().empty());
  CHECK(world.c2d.look({{"x"}, {}}, 3).error().code == ErrorCode::DeviceNotFound);
}

TEST_CASE("a lock that holds as long as its link is shown without an end") {
  World world;
  FakeLink link;
  link.lock = C2dLock::while_connected;
  auto attachment = world.hub.links().attach(kDevice, link);
  REQUIRE(world.send("a"));
  const auto queue = world.c2d.look(kDevice, 10).value();
  REQUIRE(queue.size() == 1);
  CHECK(queue[0].locked);
  CHECK_FALSE(queue[0].lock_ends);
}

TEST_CASE("observers are told when a message waits again without anybody's word") {
  World world;
  std::string told;
  const auto listener = world.hub.observers().listen([&](const hub::Happened& happened) {
    if (happened.what != hub::Happening::c2d_lock_lost) return;
    told += happened.identity.name() + " " + std::string(happened.detail) + "\n";
  });
  SUBCASE("the lock's time has ended") {
    REQUIRE(world.send("a"));
    const std::string token = world.receive_token();
    world.advance(59s);
    CHECK(told.empty());
    world.advance(1s);
    CHECK(told == "d {\"lockToken\":\"" + token + "\",\"sequenceNumber\":1}\n");
    CHECK(world.receive() == "a");
  }
  SUBCASE("the link has ended") {
    FakeLink link;
    auto attachment = world.hub.links().attach(kDevice, link);
    REQUIRE(world.send("a"));
    REQUIRE(world.send("b"));
    REQUIRE(world.c2d.complete(kDevice, link.taken[0].lock_token));
    attachment.detach();
    CHECK(told == "d {\"lockToken\":\"" + link.taken[1].lock_token + "\",\"sequenceNumber\":2}\n");
  }
  SUBCASE("but not when the device has settled it") {
    REQUIRE(world.send("a"));
    REQUIRE(world.c2d.abandon(kDevice, world.receive_token()));
    REQUIRE(world.c2d.complete(kDevice, world.receive_token()));
    world.advance(120s);
    CHECK(told.empty());
  }
}

// ---- push
// -------------------------------------------------------------------------------------------------------------

TEST_CASE("a live link gets what waits and what is sent, in order, while it has credit") {
  World world;
  FakeLink link;
  link.credit = 2;
  REQUIRE(world.send("a"));
  auto attachment = world.hub.links().attach(kDevice, link);
  CHECK(link.bodies().empty());  // not before it says that it is ready
  world.c2d.deliver(kDevice);
  CHECK(link.bodies() == "a");
  REQUIRE(world.send("b"));
  REQUIRE(world.send("c"));
  CHECK(link.bodies() == "b");
  link.credit = 5;
  world.c2d.deliver(kDevice);
  CHECK(link.bodies() == "c");
  world.c2d.deliver(kDevice);
  CHECK(link.bodies().empty());
}

TEST_CASE("what a link had not settled is enqueued again when it goes, and is the next link's in the old order") {
  World world;
  auto first = std::make_unique<FakeLink>();
  auto attachment = world.hub.links().attach(kDevice, *first);
  for (const char* body : {"a", "b", "c"}) REQUIRE(world.send(body));
  const std::string token = first->taken[1].lock_token;
  const std::string lost = first->taken[0].lock_token;
  REQUIRE(world.c2d.complete(kDevice, token));

  FakeLink second;
  SUBCASE("it detached") {
    attachment.detach();
    first.reset();
    attachment = world.hub.links().attach(kDevice, second);
  }
  SUBCASE("it was taken over") {
    auto newer = world.hub.links().attach(kDevice, second);
    attachment = std::move(newer);
  }
  CHECK(code_of(world.c2d.complete(kDevice, lost)) == ErrorCode::DeviceMessageLockLost);
  world.c2d.deliver(kDevice);
  REQUIRE(second.taken.size() == 2);
  CHECK(second.taken[0].redelivered);
  CHECK(second.taken[0].delivery_count == 0);
  CHECK(second.bodies() == "a c");
}

TEST_CASE("a silent link: AMQP's lock ends after a minute and the message comes again, MQTT's holds") {
  World world;
  FakeLink link;
  auto attachment = world.hub.links().attach(kDevice, link);
  SUBCASE("timed") {
    REQUIRE(world.send("a"));
    CHECK(link.bodies() == "a");
    world.advance(60s);
    REQUIRE(link.taken.size() == 1);
    CHECK(link.taken[0].redelivered);
  }
  SUBCASE("while connected") {
    link.lock = C2dLock::while_connected;
    REQUIRE(world.send("a", Ack::full, 600));
    const std::string token = link.taken.at(0).lock_token;
    link.bodies();
    world.advance(590s);
    CHECK(link.bodies().empty());
    SUBCASE("settled late") {
      CHECK(world.c2d.complete(kDevice, token));
      CHECK(world.feedback() == "id-a Success");
    }
    SUBCASE("expired") {
      world.advance(10s);
      CHECK(code_of(world.c2d.complete(kDevice, token)) == ErrorCode::DeviceMessageLockLost);
      CHECK(world.feedback() == "id-a Expired");
    }
  }
}

TEST_CASE("a message whose link goes after its time expires at once") {
  World world;
  FakeLink link;
  link.lock = C2dLock::while_connected;
  auto attachment = world.hub.links().attach(kDevice, link);
  REQUIRE(world.send("a", Ack::full, 10));
  world.advance(20s);
  CHECK(world.c2d.count(kDevice) == 1);  // its lock lives for 60 s
  attachment.detach();
  world.advance(0s);
  CHECK(world.c2d.count(kDevice) == 0);
  CHECK(world.feedback() == "id-a Expired");
}

TEST_CASE("a link that acknowledges nothing completes by taking") {
  World world;
  FakeLink link;
  link.lock = C2dLock::none;
  auto attachment = world.hub.links().attach(kDevice, link);
  REQUIRE(world.send("a", Ack::positive));
  CHECK(link.bodies() == "a");
  CHECK(world.c2d.count(kDevice) == 0);
  CHECK(world.feedback() == "id-a Success");
}

TEST_CASE("a message abandoned by a link is pushed to it again until it is dead-lettered") {
  World world;
  FakeLink link;
  auto attachment = world.hub.links().attach(kDevice, link);
  REQUIRE(world.send("a", Ack::negative));
  for (int i = 0; i < 10; ++i) {
    REQUIRE(link.taken.size() == static_cast<std::size_t>(i) + 1);
    CHECK(link.taken.back().delivery_count == i);
    REQUIRE(world.c2d.abandon(kDevice, link.taken.back().lock_token));
  }
  CHECK(link.taken.size() == 10);
  CHECK(world.feedback() == "id-a DeliveryCountExceeded");
}

// ---- the rest of the hub
// ----------------------------------------------------------------------------------------------

TEST_CASE("identities and twins show how many messages wait") {
  World world;
  REQUIRE(world.send("a"));
  REQUIRE(world.send("b"));
  CHECK(world.hub.registry().get(kDevice).value().cloud_to_device_message_count == 2);
  CHECK(world.hub.registry().get(kModule).value().cloud_to_device_message_count == 0);
  CHECK(world.hub.twins().get(kDevice).value().cloud_to_device_message_count == 2);
  constexpr const char* kQuery =
      "SELECT deviceId, cloudToDeviceMessageCount AS c FROM devices WHERE cloudToDeviceMessageCount = 2";
  auto run = world.hub.queries().start(kQuery, std::nullopt, std::nullopt).value();
  while (!run->step(100)) {
  }
  CHECK(run->page().array() == R"([{"deviceId":"d","c":2}])");
}

TEST_CASE("a removed identity takes its queue and its feedback along; a new one of the name starts afresh") {
  World world;
  REQUIRE(world.send("a"));
  REQUIRE(world.send("b", Ack::full));
  REQUIRE(world.send("c", Ack::none, 0, kModule));
  world.receive();
  REQUIRE(world.c2d.complete(kDevice, world.receive_token()));
  REQUIRE(world.hub.registry().remove(kDevice, hub::IfMatch::any()));
  world.create("d");
  world.create("d", "m");
  CHECK(world.c2d.count(kDevice) == 0);
  CHECK(world.c2d.count(kModule) == 0);
  CHECK(world.feedback().empty());
  REQUIRE(world.send("new"));
  const C2dMessage got = world.c2d.receive(kDevice).value();
  CHECK(got.body == "new");
  CHECK(got.sequence_number == 1);
  CHECK_FALSE(got.redelivered);
}

TEST_CASE("a roll-back gives back what was settled and takes back what was sent") {
  World world;
  REQUIRE(world.send("a", Ack::full));
  const std::string token = world.receive_token();
  REQUIRE(world.hub.commit());
  REQUIRE(world.c2d.complete(kDevice, token));
  REQUIRE(world.send("b"));
  CHECK(world.receive() == "b");
  world.hub.roll_back();
  CHECK(world.receive() == "a");
  CHECK(world.receive() == "(none)");
  REQUIRE(world.send("c"));  // b's number is free again, b's lock must not be c's
  CHECK(world.receive() == "c");
  CHECK(world.feedback().empty());
}

TEST_CASE("a committed queue is there after a restart, its locked messages enqueued, its times running") {
  test::TemporaryFolder folder;
  test::FakeClock clock;
  test::FakeScheduler scheduler;
  test::FakeRandom random;
  const auto opened = [&] { return storage::SqliteStore::open(folder / "hub.db", {}); };
  const auto message = [](const char* body, Timestamp expiry) {
    C2dMessage made;
    made.body = body;
    made.message_id = body;
    made.ack = Ack::full;
    made.expiry = expiry;
    return made;
  };
  {
    auto store = opened();
    hub::Hub hub(test::TestHub::options({"localhost"}), *store, clock, scheduler, random);
    REQUIRE(hub.registry().put(kDevice, {}, hub::IfMatch::none()));
    for (const char* body : {"settled", "locked", "waits"}) {
      REQUIRE(hub.c2d().send(kDevice, message(body, clock.now().plus_seconds(100))));
    }
    REQUIRE(hub.c2d().send(kDevice, message("short", clock.now().plus_seconds(5))));
    REQUIRE(hub.c2d().complete(kDevice, hub.c2d().receive(kDevice).value().lock_token));
    REQUIRE(hub.c2d().receive(kDevice).value().body == "locked");
    REQUIRE(hub.commit());
    REQUIRE(hub.c2d().send(kDevice, message("never committed", clock.now().plus_seconds(100))));
  }
  clock.advance(10);
  auto store = opened();
  hub::Hub hub(test::TestHub::options({"localhost"}), *store, clock, scheduler, random);
  scheduler.advance(0s);
  CHECK(hub.c2d().count(kDevice) == 2);
  CHECK(hub.c2d().receive(kDevice).value().body == "locked");
  CHECK(hub.c2d().receive(kDevice).value().body == "waits");
  CHECK_FALSE(hub.c2d().receive(kDevice));
  REQUIRE(hub.c2d().send(kDevice, message("new", clock.now().plus_seconds(100))));
  CHECK(hub.c2d().receive(kDevice).value().sequence_number == 5);

  clock.advance(15);
  scheduler.advance(15s);
  const auto batch = hub.feedback().receive();
  REQUIRE(batch);
  const hub::Json records = hub::Json::parse(batch->body);
  REQUIRE(records.size() == 2);
  CHECK(records[0].at("originalMessageId") == "settled");
  CHECK(records[1].at("statusCode") == "Expired");
}
