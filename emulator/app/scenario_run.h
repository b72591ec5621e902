#pragma once
#include <signal.h>

#include <atomic>

#include "emulator/app/config.h"
#include "emulator/app/environment.h"
#include "emulator/scenario/outcome.h"
#include "emulator/scenario/scenario.h"

namespace iothub::app {

struct ScenarioSurroundings {
  const Config& config;
  const Environment& environment;
  const sigset_t& reset;          ///< signals_to_reset()
  const std::atomic<bool>& stop;  ///< true: the step that runs fails
};

/// Runs the scenario on a hub of its own to its end or its first failure. Throws as ScenarioHub does.
scenario::Outcome run_scenario(const scenario::Scenario& scenario, const ScenarioSurroundings& surroundings);

}  // namespace iothub::app
