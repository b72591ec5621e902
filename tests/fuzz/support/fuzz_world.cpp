#include "tests/fuzz/support/fuzz_world.h"

#include <spdlog/spdlog.h>

#include "emulator/hub/c2d.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/sas_token.h"
#include "tests/fuzz/support/require.h"

namespace iothub::fuzz {
namespace {

hub::HubOptions options() {
  hub::HubOptions options;
  options.auth = {hub::kSasConnectGraceSeconds, hub::kSasLiveGraceSeconds};
  options.fault_injection = true;
  return options;
}

std::unique_ptr<storage::SqliteStore> make_store() {
  spdlog::set_level(spdlog::level::off);  // refusals are what a fuzzer makes
  auto store = storage::SqliteStore::in_memory({});
  const test::FakeClock clock;
  test::FakeScheduler scheduler;
  test::FakeRandom random;
  hub::Hub hub(options(), *store, clock, scheduler, random);
  for (const hub::Identity& identity : {kD1, kM1, hub::Identity{{"d2"}, {}}}) {
    require(hub.registry().put(identity, {}, hub::IfMatch::none()).has_value(), "the world can be made");
  }
  require(hub.commit(), "the world can be kept");
  return store;
}

storage::SqliteStore& kept_store() {
  static const std::unique_ptr<storage::SqliteStore> made = make_store();
  made->roll_back();  // what a hub wrote at its own end
  return *made;
}

}  // namespace

FuzzWorld::FuzzWorld() : store_(kept_store()), hub(options(), store_, clock, scheduler, random) {
  hubs.add(hub);
}

FuzzWorld::~FuzzWorld() {
  hub.roll_back();
}

std::string FuzzWorld::device_token(const hub::Identity& identity) const {
  const storage::IdentityRow* row = const_cast<hub::Hub&>(hub).registry().find(identity);
  const std::string path = identity.is_module() ? "/modules/" + identity.module.value : "";
  return hub::sign_sas_token("localhost/devices/" + identity.device.value + path, "", row->primary_key.value(),
                             clock.now().unix_seconds() + 3600)
      .value();
}

std::string FuzzWorld::policy_token(const std::string& policy) const {
  return hub::sign_sas_token("localhost", policy, hub.auth().policy(policy)->primary_key,
                             clock.now().unix_seconds() + 3600)
      .value();
}

void FuzzWorld::patch_desired(const hub::Json& desired, const hub::Identity& identity) {
  hub::Json body;
  body["properties"]["desired"] = desired;
  (void)hub.twins().patch(identity, body, hub::IfMatch::none());
}

void FuzzWorld::send_c2d(std::string_view body, const hub::Identity& identity) {
  hub::C2dMessage message;
  message.body = body;
  message.ack = hub::C2dMessage::Ack::full;
  (void)hub.c2d().send(identity, std::move(message));
}

void FuzzWorld::invoke_method(std::string name, std::string_view payload, const hub::Identity& identity) {
  hub::MethodCall call;
  call.name = std::move(name);
  call.payload = hub::dump(hub::Json(std::string(payload.size(), 'p')));
  hub.methods().invoke(identity, std::move(call), [answers = 0](const hub::Result<hub::MethodAnswer>&) mutable {
    require(++answers == 1, "a method call is answered once");
  });
}

void FuzzWorld::advance(std::chrono::seconds step) {
  clock.advance(step.count());
  scheduler.advance(step);
}

}  // namespace iothub::fuzz
