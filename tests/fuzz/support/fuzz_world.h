#pragma once
/// A hub with the devices d1 and d2 and the module d1/m1, the same for every input.
#include <chrono>
#include <memory>
#include <string>

#include "emulator/heads/session.h"
#include "emulator/hub/directory.h"
#include "emulator/hub/hub.h"
#include "storage/sqlite_store.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/fake_random.h"
#include "tests/unit/support/fake_scheduler.h"

namespace iothub::fuzz {

inline const hub::Identity kD1{{"d1"}, {}};
inline const hub::Identity kM1{{"d1"}, {"m1"}};

/// The store is made once a process; a world's writes stay uncommitted and go with it.
class FuzzWorld {
 public:
  FuzzWorld();
  FuzzWorld(const FuzzWorld&) = delete;
  FuzzWorld& operator=(const FuzzWorld&) = delete;
  ~FuzzWorld();

  std::string device_token(const hub::Identity& identity) const;
  std::string policy_token(const std::string& policy = "iothubowner") const;

  void patch_desired(const hub::Json& desired, const hub::Identity& identity = kD1);
  void send_c2d(std::string_view body, const hub::Identity& identity = kD1);
  /// A method call whose answer nobody looks at; it must come at most once.
  void invoke_method(std::string name, std::string_view payload, const hub::Identity& identity = kD1);
  void advance(std::chrono::seconds step);
  storage::Store& store() { return store_; }

  test::FakeClock clock;
  test::FakeScheduler scheduler;
  test::FakeRandom random{2};  // not that of the store's making: nothing gets an id twice

 private:
  storage::SqliteStore& store_;

 public:
  hub::Hub hub;
  hub::HubDirectory hubs;
  heads::SessionEnvironment environment{hubs, scheduler, clock};
};

}  // namespace iothub::fuzz
