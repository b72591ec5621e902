#pragma once
/// Tells hubs how a scenario's run goes, so that their portals and `scenario runs` show it (control API,
/// scenario-runs).
#include <cstddef>
#include <future>
#include <string>
#include <vector>

#include "emulator/app/hub_client.h"
#include "emulator/hub/json.h"
#include "emulator/scenario/outcome.h"
#include "emulator/scenario/scenario.h"

namespace iothub::app {

/// The whole run as it stands, after each change; what changes while one report is under way goes with the next. Nobody
/// waits for the answers but the end of the run: a hub that is slow or gone costs the scenario a warning in the log.
class ScenarioReport {
 public:
  struct Listener {
    HubClient hub;
    std::string control_token;
  };

  /// Without listeners nothing is told.
  ScenarioReport(const scenario::Scenario& scenario, std::vector<Listener> listeners);
  ScenarioReport(const ScenarioReport&) = delete;
  ScenarioReport& operator=(const ScenarioReport&) = delete;
  /// Waits until the last report has arrived, or has failed to.
  ~ScenarioReport();

  /// Steps by their place in the outcome; one behind those of the file is added.
  void begins(std::size_t step, const std::string& name);
  void ends(std::size_t step, const scenario::StepOutcome& outcome);
  void ends(const scenario::Outcome& outcome);
  /// Tells what waits for an earlier report, once that has arrived.
  void work();

 private:
  void tell();
  void put(const std::string& body);

  std::vector<Listener> listeners_;  ///< while a report is under way it has them
  std::string path_;                 ///< of the run; empty: nobody is told
  hub::Json run_;
  std::string untold_;
  std::future<void> under_way_;
};

}  // namespace iothub::app
