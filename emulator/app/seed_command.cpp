#include "emulator/app/seed_command.h"

#include <filesystem>
#include <iostream>

#include "emulator/app/control_command.h"
#include "emulator/app/data_folder.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/process_seeds.h"
#include "emulator/app/route_endpoints.h"
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
      : store(std::move(opened)), hub(options(*store, loop), *store, loop.wall_clock(), loop.scheduler(), random) {}

  static hub::HubOptions options(storage::Store& store, net::EventLoop& loop) {
    hub::HubOptions options;
    options.open_endpoint = [&store, &loop](const hub::routing::EndpointDescription& endpoint) {
      return open_endpoint(endpoint, store, loop);
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
    const auto validate = [&config](const std::vector<seed::Seed>& of_one) {
      SilentHub empty(storage::SqliteStore::in_memory({.partitions = config.partitions}));
      compare(empty.hub, of_one);
    };
    const SortedSeeds by_hub = sorted(seeds);
    validate(by_hub.own);
    for (const SortedSeeds::OfHub& each : by_hub.further) validate(each.seeds);
    return kDone;
  }
  if (!config.hub.empty()) throw SeedError("--hub is for a hub that runs");
  if (action != "apply" && !std::filesystem::exists(database_file(config.data_folder))) {
    throw SeedError("there are no data of a hub in " + config.data_folder.string());
  }
  SilentHub stored(open_folder(config));
  if (action == "apply") print(apply_seeds(stored.hub, seeds));
  if (action == "diff") print(compare(stored.hub, seeds));
  if (action == "export") std::cout << seed::export_hub(stored.hub).dump(2) << "\n";
  return kDone;
}

int run_live_seed_command(const Config& config, const HubClient& client) {
  const std::string& action = config.seed_words.front();
  HubClient::ControlRequest request{.path = "seed", .token = config.control_token};
  if (action != "export") {
    hub::Json seeds = hub::Json::array();
    for (const SeedText& each : read_seed_texts({config.seed_words.begin() + 1, config.seed_words.end()})) {
      seeds.push_back({{"name", each.file}, {"text", each.text}});
    }
    request.method = "POST";
    request.path = action == "diff" ? "seed/diff?several=true" : "seed?several=true";
    request.body = hub::Json{{"seeds", std::move(seeds)}}.dump(-1, ' ', false, hub::Json::error_handler_t::replace);
  }
  if (!config.hub.empty()) add_parameter(request.path, "hub", config.hub);
  const HubClient::Answer answer = client.control(request);
  if (answer.status >= 300) throw SeedError(refusal_text(answer.body));
  if (action == "export") {
    std::cout << answer.body;
    return kDone;
  }
  seed::Report report;
  const hub::Json answered = hub::Json::parse(answer.body);
  for (const hub::Json& change : answered.at("changes")) {
    report.changes.push_back(change.get<std::string>());
  }
  print(report);
  return kDone;
}

}  // namespace iothub::app
