#pragma once
/// The hub of one scenario.
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "emulator/app/config.h"
#include "emulator/app/emulator.h"
#include "emulator/app/hub_client.h"
#include "emulator/app/temporary_folder.h"
#include "emulator/scenario/scenario.h"

namespace iothub::app {

/// An emulator in memory that runs on a thread of its own, as `serve` would in another process: it is spoken to by its
/// sockets alone. With a program under test on the ports of `config`, else on free ones.
class ScenarioHub {
 public:
  /// Has the scenario's seeds and its virtual devices. Throws SeedError, and as Emulator does.
  ScenarioHub(const Config& config, const scenario::Scenario& scenario, bool free_ports);
  ScenarioHub(const ScenarioHub&) = delete;
  ScenarioHub& operator=(const ScenarioHub&) = delete;
  ~ScenarioHub();

  const RunningHub& running() const { return emulator_->running(); }
  const HubClient& client() const { return *client_; }
  const std::string& host() const { return host_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  const TemporaryFolder folder_;
  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<HubClient> client_;
  std::string host_;
  std::thread thread_;
};

}  // namespace iothub::app
