#pragma once
/// A whole hub over an in-memory store, with time and chance in the test's hand.
#include <memory>
#include <string>
#include <vector>

#include "emulator/hub/hub.h"
#include "emulator/hub/limits.h"
#include "storage/sqlite_store.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/fake_random.h"
#include "tests/unit/support/fake_scheduler.h"
#include "tests/unit/support/result_text.h"

namespace iothub::test {

struct TestHub {
  explicit TestHub(std::vector<std::string> host_names = {"localhost"}) : TestHub(options(std::move(host_names))) {}
  explicit TestHub(hub::HubOptions options)
      : store(storage::SqliteStore::in_memory({})), hub(std::move(options), *store, clock, scheduler, random) {}

  static hub::HubOptions options(std::vector<std::string> host_names) {
    hub::HubOptions options;
    options.host_names = std::move(host_names);
    options.auth = {hub::kSasConnectGraceSeconds, hub::kSasLiveGraceSeconds};
    return options;
  }

  /// Registers a device (or module, whose device must be there) with generated keys.
  hub::IdentityView create(const std::string& device, const std::string& module = {}) {
    return hub.registry().put({{device}, {module}}, {}, hub::IfMatch::none()).value();
  }

  FakeClock clock;
  FakeScheduler scheduler;
  FakeRandom random;
  std::unique_ptr<storage::SqliteStore> store;
  hub::Hub hub;
};

}  // namespace iothub::test
