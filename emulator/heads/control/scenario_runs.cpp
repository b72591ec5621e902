#include "emulator/heads/control/scenario_runs.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/observer.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

constexpr double kLongestSeconds = 1e9;
constexpr std::array<std::string_view, 5> kStepStates{"waiting", "running", "passed", "failed", "skipped"};
constexpr std::array<std::string_view, 3> kRunStates{"running", "passed", "failed"};

hub::Result<std::string> bounded_text(const Json& told, const char* name) {
  const auto text = text_argument(told, name);
  if (!text) return text.error();
  if (text->has_value() && (*text)->size() > ScenarioRuns::kLongestText) {
    return hub::argument_invalid("'" + std::string(name) + "' is longer than " +
                                 std::to_string(ScenarioRuns::kLongestText) + " bytes");
  }
  return text->value_or("");
}

/// Which of the names `state` has.
hub::Result<std::size_t> state_of(const Json& told, std::span<const std::string_view> names) {
  const auto text = text_argument(told, "state");
  if (!text) return text.error();
  const auto found = std::find(names.begin(), names.end(), text->value_or(""));
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string known;
  for (const std::string_view name : names) known += (known.empty() ? "" : ", ") + std::string(name);
  return hub::argument_invalid("'state' is none of " + known);
}

hub::Result<ScenarioStep> step_of(const Json& told) {
  if (!told.is_object()) return hub::argument_invalid("a step is no object");
  constexpr std::array<std::string_view, 5> kMembers{"name", "does", "state", "seconds", "failure"};
  for (const auto& [name, value] : told.items()) {
    if (std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end()) continue;
    return hub::argument_invalid("a step has no member '" + name + "'");
  }
  ScenarioStep step;
  for (const auto& [name, member] :
       {std::pair{"name", &ScenarioStep::name}, {"does", &ScenarioStep::does}, {"failure", &ScenarioStep::failure}}) {
    auto text = bounded_text(told, name);
    if (!text) return text.error();
    step.*member = std::move(*text);
  }
  const auto state = state_of(told, kStepStates);
  if (!state) return state.error();
  step.state = static_cast<ScenarioStep::State>(*state);
  const auto seconds = number_argument(told, "seconds", 0, kLongestSeconds);
  if (!seconds) return seconds.error();
  step.seconds = seconds->value_or(0);
  return step;
}

bool has_begun(const ScenarioStep& step) {
  return step.state == ScenarioStep::State::running || step.state == ScenarioStep::State::failed;
}

}  // namespace

std::string_view name_of(ScenarioStep::State state) {
  return kStepStates[static_cast<std::size_t>(state)];
}

std::string_view name_of(ScenarioRun::State state) {
  return kRunStates[static_cast<std::size_t>(state)];
}

hub::Result<ScenarioRun> scenario_run_of(const std::string& id, const Json& told) {
  ScenarioRun run;
  run.id = id;
  if (id.size() > 64) return hub::argument_invalid("the run's id is longer than 64 bytes");
  for (const auto& [name, member] : {std::pair{"name", &ScenarioRun::name}, {"file", &ScenarioRun::file}}) {
    auto text = bounded_text(told, name);
    if (!text) return text.error();
    run.*member = std::move(*text);
  }
  const auto state = state_of(told, kRunStates);
  if (!state) return state.error();
  run.state = static_cast<ScenarioRun::State>(*state);
  const auto seconds = number_argument(told, "seconds", 0, kLongestSeconds);
  if (!seconds) return seconds.error();
  run.seconds = seconds->value_or(0);
  const auto steps = told.find("steps");
  if (steps == told.end() || !steps->is_array()) return hub::argument_invalid("'steps' is no array");
  if (steps->size() > ScenarioRuns::kMostSteps) {
    return hub::argument_invalid("there are more than " + std::to_string(ScenarioRuns::kMostSteps) + " steps");
  }
  for (const Json& each : *steps) {
    auto step = step_of(each);
    if (!step) return step.error();
    run.steps.push_back(std::move(*step));
  }
  return run;
}

Json to_json(const ScenarioRun& run) {
  Json steps = Json::array();
  for (const ScenarioStep& step : run.steps) {
    Json& each = steps.emplace_back();
    each["name"] = step.name;
    if (!step.does.empty()) each["does"] = step.does;
    each["state"] = name_of(step.state);
    each["seconds"] = step.seconds;
    if (!step.failure.empty()) each["failure"] = step.failure;
  }
  return {{"id", run.id},
          {"name", run.name},
          {"file", run.file},
          {"state", name_of(run.state)},
          {"seconds", run.seconds},
          {"heard", text::iso_time(run.heard)},
          {"steps", std::move(steps)}};
}

Json progress_json(const ScenarioRun& run) {
  const auto done = std::count_if(run.steps.begin(), run.steps.end(), [](const ScenarioStep& each) {
    return each.state == ScenarioStep::State::passed || each.state == ScenarioStep::State::failed;
  });
  Json progress{{"run", run.id}, {"name", run.name}, {"state", name_of(run.state)}};
  progress["done"] = done;
  progress["steps"] = run.steps.size();
  const auto at = std::find_if(run.steps.begin(), run.steps.end(), has_begun);
  if (at != run.steps.end()) progress["step"] = at->name;
  return progress;
}

void ScenarioRuns::put(ScenarioRun run) {
  const auto known =
      std::find_if(runs_.begin(), runs_.end(), [&run](const ScenarioRun& each) { return each.id == run.id; });
  if (known != runs_.end()) {
    *known = std::move(run);
    return;
  }
  runs_.push_front(std::move(run));
  if (runs_.size() > kKept) runs_.pop_back();
}

void list_scenario_runs(const Request& request) {
  Json runs = Json::array();
  for (const ScenarioRun& run : request.control.scenario_runs().newest()) runs.push_back(to_json(run));
  request.answer({{"runs", std::move(runs)}});
}

void put_scenario_run(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"name", "file", "state", "seconds", "steps"});
  if (!arguments) return request.refuse(arguments.error());
  hub::Result<ScenarioRun> run = scenario_run_of(request.ids.at(0), *arguments);
  if (!run) return request.refuse(run.error());
  run->heard = request.control.wall_clock().now();
  // Whichever hub's events somebody follows: the runs are of none of them.
  for (hub::Hub* hub : request.control.hubs().all()) {
    hub->observers().tell(hub::Happening::scenario_run, {}, [&run] { return hub::dump(progress_json(*run)); });
  }
  request.control.scenario_runs().put(std::move(*run));
  request.answer_no_content();
}

}  // namespace iothub::heads::control
