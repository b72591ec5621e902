#pragma once
/// The last runs of scenarios (docs/scenarios.md) that their runners told of. Each scenario has a hub of its own, so
/// they are of the whole process, and in memory.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::control {

struct ScenarioStep {
  enum class State : std::uint8_t { waiting, running, passed, failed, skipped };
  std::string name;
  std::string does;  ///< the action with its arguments; may be empty
  State state = State::waiting;
  double seconds = 0;
  std::string failure;  ///< lines for people: what was expected, what came, the nearest miss
};
std::string_view name_of(ScenarioStep::State state);

struct ScenarioRun {
  enum class State : std::uint8_t { running, passed, failed };
  std::string id;  ///< the runner's choice
  std::string name;
  std::string file;
  State state = State::running;
  double seconds = 0;
  std::vector<ScenarioStep> steps;
  Timestamp heard;  ///< when the runner told this: one that has died says no more
};
std::string_view name_of(ScenarioRun::State state);

/// 400004 for members that are missing, unknown, of another type or too long, naming them.
hub::Result<ScenarioRun> scenario_run_of(const std::string& id, const hub::Json& told);
hub::Json to_json(const ScenarioRun& run);
/// `{"run","name","state","done","steps","step"}`: how far it is. `step` is the one that runs or has failed.
hub::Json progress_json(const ScenarioRun& run);

class ScenarioRuns {
 public:
  static constexpr std::size_t kKept = 32;
  static constexpr std::size_t kMostSteps = 1000;        ///< of a run
  static constexpr std::size_t kLongestText = 16 << 10;  ///< of each text, in bytes

  /// Takes the place of what was told of the same run before.
  void put(ScenarioRun run);
  /// The one that began last first.
  const std::deque<ScenarioRun>& newest() const { return runs_; }

 private:
  std::deque<ScenarioRun> runs_;
};

}  // namespace iothub::heads::control
