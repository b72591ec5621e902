#include "emulator/app/seed_command.h"

#include <filesystem>
#include <iostream>

#include "emulator/app/data_folder.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/route_endpoints.h"
#include "emulator/app/run_file.h"
#include "emulator/app/seed_files.h"
#include "emulator/hub/directory.h"
#include "emulator/hub/hub.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/system_sources.h"
#include "storage/sqlite_store.h"

namespace iothub::app {
namespace {

/// A hub that serves nobody: its loop never runs.
struct SilentHub {
  explicit SilentHub(std::unique_ptr<storage::SqliteStore> opened)
      : store(std::move(opened)), hub(options(), *store, loop.wall_clock(), loop.scheduler(), random) {}

  hub::HubOptions options() {
    hub::HubOptions options;
    options.open_endpoint = [this](const hub::routing::EndpointDescription& endpoint) {
      return open_endpoint(endpoint, *store, loop);
    };
    return options;
  }

  hub::HubDirectory hubs;
  net::EventLoop loop{hubs};
  net::SystemRandom random;
  std::unique_ptr<storage::SqliteStore> store;
  hub::Hub hub;
};

std::unique_ptr<storage::SqliteStore> open_folder(const Config& config) {
  make_private_folder(config.data_folder);
  return storage::SqliteStore::open(database_file(config.data_folder), {.partitions = config.partitions});
}

void print(const seed::Report& report) {
  for (const std::string& change : report.changes) std::cout << change << "\n";
  if (report.changes.empty()) std::cerr << "nothing to change\n";
}

seed::Report compare(hub::Hub& hub, const std::vector<seed::Seed>& seeds) {
  seed::Result<seed::Report> compared = seed::diff(hub, seeds);
  if (!compared) throw SeedError(compared.error().text());
  return std::move(*compared);
}

}  // namespace

int run_seed_command(const Config& config) {
  const std::string& action = config.seed_words.front();
  const std::vector<SeedText> texts = read_seed_texts({config.seed_words.begin() + 1, config.seed_words.end()});
  const std::vector<seed::Seed> seeds = parse_seeds(texts);
  if (action == "validate") {
    SilentHub empty(storage::SqliteStore::in_memory({.partitions = config.partitions}));
    compare(empty.hub, seeds);
    return kDone;
  }
  if (find_running_hub(config.data_folder)) {
    throw SeedError("a hub runs that keeps its data in " + config.data_folder.string() + ": `seed " + action +
                    "` works on the data of a hub that is stopped");
  }
  if (action != "apply" && !std::filesystem::exists(database_file(config.data_folder))) {
    throw SeedError("there are no data of a hub in " + config.data_folder.string());
  }
  SilentHub stored(open_folder(config));
  if (action == "apply") print(apply_seeds(stored.hub, seeds));
  if (action == "diff") print(compare(stored.hub, seeds));
  if (action == "export") std::cout << seed::export_hub(stored.hub).dump(2) << "\n";
  return kDone;
}

}  // namespace iothub::app
