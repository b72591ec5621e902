#pragma once
/// One hub with what belongs to it alone: its time and its store.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emulator/app/config.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/reset.h"
#include "emulator/hub/virtual_time.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/worker.h"
#include "emulator/seed/seed.h"
#include "storage/checkpointer.h"
#include "storage/sqlite_store.h"

namespace iothub::app {

class HubInstance {
 public:
  /// What the hub has from its beginning on, by the command line or the seed that made it.
  struct Declared {
    std::vector<std::string> consumer_groups{};
    std::string routing{};  ///< as a routes file; empty: what the store keeps, else the default routes
    std::vector<seed::Seed> seeds{};
  };

  /// `database`: nothing keeps the hub in memory. `random` is not used with --deterministic, which also freezes the
  /// hub's time at the beginning of 2026. Throws storage::Error, and std::runtime_error for files of `config`.
  HubInstance(const Config& config, std::vector<std::string> names, std::optional<std::filesystem::path> database,
              net::EventLoop& loop, hub::RandomSource& random);
  HubInstance(const HubInstance&) = delete;
  HubInstance& operator=(const HubInstance&) = delete;

  hub::Hub& hub() { return hub_; }
  const hub::Hub& hub() const { return hub_; }
  hub::VirtualTime& time() { return *time_; }
  storage::SqliteStore& store() { return *store_; }
  bool in_memory() const { return !database_.has_value(); }

  /// Makes what was declared and commits it. Throws SeedError, ConfigError for a consumer group, and std::system_error
  /// for a route's endpoint.
  void begin(Declared declared);
  /// For what has been made already: from now on a reset makes it again.
  void declare(Declared declared) { declared_ = std::move(declared); }
  /// hub::reset_hub(), then what was declared is made again. 400004 for a seed that is refused now (beside devices that
  /// were kept): the hub has none of the seeds then. Throws storage::Error.
  hub::Result<void> reset(hub::ResetLinks links);

  /// Lets the worker checkpoint the WAL of a hub that is on the disk; the worker ends before the hub.
  void watch_wal(net::Worker& worker);

 private:
  void make_declared();

  const std::optional<std::filesystem::path> database_;
  net::EventLoop& loop_;
  std::unique_ptr<hub::VirtualTime> time_;
  std::unique_ptr<hub::RandomSource> seeded_random_;  ///< only with --deterministic
  std::unique_ptr<storage::SqliteStore> store_;
  std::unique_ptr<storage::Checkpointer> checkpointer_;  ///< runs on the worker
  hub::Hub hub_;
  Declared declared_;
  hub::Timer wal_check_;
  bool checkpointing_ = false;
};

}  // namespace iothub::app
