#include "emulator/app/hub_instance.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <utility>

#include "emulator/app/data_folder.h"
#include "emulator/app/device_ca_folder.h"
#include "emulator/app/remote_blob_client.h"
#include "emulator/app/route_endpoints.h"
#include "emulator/app/seed_files.h"
#include "emulator/app/seeded_random.h"
#include "emulator/hub/background.h"
#include "emulator/hub/blobs/blob_account.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/registry_jobs.h"
#include "emulator/hub/uploads.h"

namespace iothub::app {
namespace {

/// Under load the WAL grows by about 10 MB a second; commit() itself bounds it at 64 MiB.
constexpr std::chrono::milliseconds kWalCheckInterval{500};

std::unique_ptr<storage::SqliteStore> open_store(const Config& config,
                                                 const std::optional<std::filesystem::path>& database) {
  const storage::SqliteStore::Options options{.partitions = config.partitions};
  if (!database) return storage::SqliteStore::in_memory(options);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow (ulimit -f) is a write that fails, not the end
  make_private_folder(database->parent_path());
  return storage::SqliteStore::open(*database, options);
}

std::vector<std::string> read_device_cas(const Config& config) {
  std::vector<std::string> texts;
  for (const auto& file : config.device_ca_files) texts.push_back(read_device_ca(file));
  if (config.in_memory) return texts;
  for (const auto& file : device_ca_files(config.data_folder)) texts.push_back(read_device_ca(file));
  return texts;
}

hub::HubOptions hub_options(const Config& config, std::vector<std::string> names, const hub::VirtualTime& time,
                            storage::Store& store, net::EventLoop& loop) {
  hub::HubOptions options;
  options.host_names = std::move(names);
  options.auth.connect_grace_seconds = config.sas_grace_seconds.value_or(hub::kSasConnectGraceSeconds);
  options.auth.live_grace_seconds = config.sas_grace_seconds.value_or(hub::kSasLiveGraceSeconds);
  options.event_retention = std::chrono::days(config.retention_days);
  if (config.retention_megabytes) options.event_retention_bytes = *config.retention_megabytes * 1'000'000;
  options.auth.device_cas = read_device_cas(config);
  options.open_endpoint = [&store, &loop](const hub::routing::EndpointDescription& endpoint) {
    return open_endpoint(endpoint, store, loop);
  };
  options.lenient = config.lenient;
  options.sas_clock = &time.sas_clock();
  options.fault_injection = config.fault_injection;
  if (config.tier) options.size = hub::HubSize{*config.tier, config.units};
  return options;
}

std::unique_ptr<hub::VirtualTime> started_time(const Config& config, net::EventLoop& loop) {
  constexpr std::int64_t kBeginningOf2026 = 1'767'225'600;
  auto time = std::make_unique<hub::VirtualTime>(loop.wall_clock(), loop.scheduler());
  if (config.deterministic_seed.empty()) return time;
  time->freeze();
  time->set(Timestamp::from_unix_seconds(kBeginningOf2026));
  return time;
}

}  // namespace

HubInstance::HubInstance(const Config& config, std::vector<std::string> names,
                         std::optional<std::filesystem::path> database, net::EventLoop& loop, hub::RandomSource& random)
    : database_(std::move(database)),
      loop_(loop),
      time_(started_time(config, loop)),
      seeded_random_(config.deterministic_seed.empty()
                         ? nullptr
                         : std::make_unique<SeededRandom>(config.deterministic_seed + "\n" + names.front())),
      store_(open_store(config, database_)),
      hub_(hub_options(config, std::move(names), *time_, *store_, loop), *store_, *time_, *time_,
           seeded_random_ ? *seeded_random_ : random),
      wal_check_(loop.scheduler()) {}

void HubInstance::open_blobs(const Config& config, std::uint16_t https_port, net::Worker& worker,
                             hub::RemoteBlobs& remote) {
  if (!database_) blob_folder_ = std::make_unique<TemporaryFolder>(TemporaryFolder::Made::later);
  background_ = std::make_unique<net::WorkerBackground>(worker);
  hub_.use_background(*background_);
  hub_.open_blobs({.folder = database_ ? blob_folder(database_->parent_path()) : blob_folder_->path(),
                   .durable = database_.has_value(),
                   .port = https_port});
  hub_.registry_jobs().use_remote_blobs(remote);
  if (config.storage_connection_string.empty()) return;
  hub::RemoteStorageOptions options = parse_storage_connection_string(config.storage_connection_string);
  options.container = config.storage_container;
  remote_storage_ = std::make_unique<hub::RemoteStorage>(std::move(options), remote, *background_, hub_.clock());
  hub_.uploads().use_storage(*remote_storage_);
}

void HubInstance::begin(Declared declared) {
  declared_ = std::move(declared);
  make_declared();
}

hub::Result<void> HubInstance::reset(hub::ResetLinks links) {
  hub::reset_hub(hub_, *store_, links);
  try {
    make_declared();
  } catch (const SeedError& refused) {
    return hub::argument_invalid("the hub was reset, but what it began with cannot be made again: " +
                                 std::string(refused.what()));
  }
  return {};
}

void HubInstance::make_declared() {
  for (const std::string& name : declared_.consumer_groups) {
    const hub::Result<void> added = hub_.events().consumer_groups().add(name);
    if (!added) throw ConfigError("--consumer-group: " + added.error().reason);
  }
  if (!declared_.routing.empty() && declared_.routing != hub_.routing().text()) {
    hub::routing::Routes routes = hub::routing::parse_routes(declared_.routing).value();
    hub::routing::RouteEndpoints endpoints = open_endpoints(routes, *store_, loop_);
    hub_.routing().configure(std::move(routes), std::move(endpoints));
  }
  if (!declared_.seeds.empty()) {
    const seed::Report report = apply_seeds(hub_, declared_.seeds);
    spdlog::info("hub {}: the seeds changed {} things", hub_.host_name(), report.changes.size());
  }
  hub_.commit_now();
}

void HubInstance::watch_wal(net::Worker& worker) {
  if (!database_) return;
  if (!checkpointer_) checkpointer_ = std::make_unique<storage::Checkpointer>(*database_);
  wal_check_.set(kWalCheckInterval, [this, &worker] {
    if (!checkpointing_ && store_->take_checkpoint_due()) {
      checkpointing_ = true;
      worker.post([this] { checkpointer_->run(); },
                  [this](const std::exception_ptr& failure) {
                    checkpointing_ = false;
                    if (failure) spdlog::error("the WAL could not be checkpointed: {}", hub::text_of(failure));
                  });
    }
    watch_wal(worker);
  });
}

}  // namespace iothub::app
