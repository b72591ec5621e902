#include "emulator/app/simulate_command.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>

#include "emulator/app/connection_string.h"
#include "emulator/app/device_token.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/hub_client.h"
#include "emulator/app/seed_files.h"
#include "emulator/seed/derived_key.h"
#include "emulator/simulate/simulation.h"

namespace iothub::app {
namespace {

std::atomic<bool> stop_simulating{false};  // what a signal handler may touch

simulate::DeviceTemplate read_template(const Config& config) {
  if (config.template_file.empty()) return {};
  const std::vector<SeedText> texts = read_seed_texts({config.template_file});
  if (texts.size() != 1) throw SeedError(config.template_file.string() + " is not one template");
  seed::Result<simulate::DeviceTemplate> parsed = simulate::parse_template(texts[0].text, texts[0].file);
  if (!parsed) throw SeedError(parsed.error().text());
  return std::move(*parsed);
}

std::string line(const simulate::Progress& progress) {
  return std::to_string(static_cast<int>(progress.elapsed.count())) + " s: " + std::to_string(progress.connected) +
         " connected, " + std::to_string(progress.sent) + " sent, " + std::to_string(progress.acknowledged) +
         " acknowledged, " + std::to_string(progress.reported) + " reported, " + std::to_string(progress.desired) +
         " desired, " + std::to_string(progress.methods) + " methods, " + std::to_string(progress.messages) +
         " messages, " + std::to_string(progress.refused) + " refused, " + std::to_string(progress.lost) + " lost";
}

}  // namespace

int run_simulate_command(const Config& config, const RunningHub& hub) {
  simulate::DeviceTemplate device_template = read_template(config);
  const std::string* owner = hub.connection_string("iothubowner");
  const auto service = owner == nullptr ? std::nullopt : ConnectionString::parse(*owner);
  if (!service) throw std::runtime_error("the hub has no policy iothubowner");

  std::map<std::string, std::string> keys;
  simulate::SimulationOptions options;
  for (int i = 1; i <= config.simulated_devices; ++i) {
    const std::string id = "simulated-" + std::to_string(i);
    options.devices.push_back(id);
    keys[id] = seed::derived_key(seed::kDefaultKeySeed, "device", id, "primary");
  }
  HubClient(*service, {hub.ca_file}).put_devices(keys);

  options.host = service->host;
  options.address = service->host;
  options.port = hub.ports.mqtts;
  options.ca_file = hub.ca_file;
  options.rate = config.rate;
  options.duration = std::chrono::duration<double>(config.duration_seconds);
  options.password = [&](const std::string& id) { return device_token(options.host, id, keys.at(id)).value(); };

  std::signal(SIGINT, [](int) { stop_simulating = true; });
  std::signal(SIGTERM, [](int) { stop_simulating = true; });
  simulate::Simulation simulation(std::move(device_template), options);
  const simulate::Progress result =
      simulation.run(stop_simulating, [](const simulate::Progress& now) { std::cerr << line(now) << std::endl; });
  std::cout << line(result) << "\n";
  return result.refused == 0 && result.lost == 0 ? kDone : kFailed;
}

}  // namespace iothub::app
