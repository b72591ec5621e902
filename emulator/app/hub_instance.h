#pragma once
/// One hub with what belongs to it alone: its time and its store.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/app/config.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/virtual_time.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/worker.h"
#include "storage/checkpointer.h"
#include "storage/sqlite_store.h"

namespace iothub::app {

class HubInstance {
 public:
  /// `database`: nothing keeps the hub in memory. `random` is not used with --deterministic, which also freezes the
  /// hub's time at the beginning of 2026. Throws storage::Error, and std::runtime_error for files of `config`.
  HubInstance(const Config& config, std::vector<std::string> names, std::optional<std::filesystem::path> database,
              net::EventLoop& loop, hub::RandomSource& random);
  HubInstance(const HubInstance&) = delete;
  HubInstance& operator=(const HubInstance&) = delete;

  hub::Hub& hub() { return hub_; }
  hub::VirtualTime& time() { return *time_; }
  storage::SqliteStore& store() { return *store_; }
  bool in_memory() const { return !database_.has_value(); }

  /// Lets the worker checkpoint the WAL of a hub that is on the disk; the worker ends before the hub.
  void watch_wal(net::Worker& worker);

 private:
  const std::optional<std::filesystem::path> database_;
  std::unique_ptr<hub::VirtualTime> time_;
  std::unique_ptr<hub::RandomSource> seeded_random_;  ///< only with --deterministic
  std::unique_ptr<storage::SqliteStore> store_;
  std::unique_ptr<storage::Checkpointer> checkpointer_;  ///< runs on the worker
  hub::Hub hub_;
  hub::Timer wal_check_;
  bool checkpointing_ = false;
};

}  // namespace iothub::app
