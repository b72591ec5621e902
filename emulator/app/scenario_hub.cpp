#include "emulator/app/scenario_hub.h"

#include <spdlog/spdlog.h>

#include "emulator/app/seed_files.h"

namespace iothub::app {
namespace {

Config own(Config config, const std::filesystem::path& folder, bool free_ports) {
  config.in_memory = true;
  config.data_folder = folder;
  if (free_ports) config.ports = {0, 0, 0, 0, 0};
  return config;
}

/// Those that no seed describes get what a seed of their ids gives them.
seed::Seed devices_seed(const scenario::Scenario& scenario) {
  seed::Seed devices;
  devices.document.file = scenario.file;
  auto& list = devices.document.value["devices"] = hub::Json::array();
  for (const auto& device : scenario.devices) list.push_back({{"deviceId", device.id}});
  return devices;
}

}  // namespace

ScenarioHub::ScenarioHub(const Config& config, const scenario::Scenario& scenario, bool free_ports)
    : emulator_(std::make_unique<Emulator>(own(config, folder_.path(), free_ports),
                                           config.allow_port_fallback ? PortFallback::any : PortFallback::none)) {
  apply_seeds(emulator_->hub(), scenario.seeds);
  if (!scenario.devices.empty()) apply_seeds(emulator_->hub(), {devices_seed(scenario)});
  const std::string* owner = running().connection_string("iothubowner");
  const auto service = owner == nullptr ? std::nullopt : ConnectionString::parse(*owner);
  if (!service) throw SeedError(scenario.file + ": the hub of a scenario needs the policy iothubowner");
  host_ = service->host;
  client_ = std::make_unique<HubClient>(*service, std::vector<std::filesystem::path>{running().ca_file});
  thread_ = std::thread([this] {
    try {
      emulator_->run();
    } catch (const std::exception& error) {
      spdlog::error("the scenario's hub has ended: {}", error.what());
    }
  });
}

ScenarioHub::~ScenarioHub() {
  emulator_->loop().post([this] { emulator_->stop(); });
  thread_.join();
}

}  // namespace iothub::app
