#include "emulator/app/scenario_report.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string_view>
#include <utility>

#include "emulator/app/control_command.h"

namespace iothub::app {
namespace {

using hub::Json;
using State = scenario::StepOutcome::State;

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kLongestAction = 300;  // bytes
constexpr std::size_t kLongestFailure = 8 << 10;
constexpr std::size_t kMostSteps = 999;  // with the program behind them no more than the control API takes

/// No runner knows of the others, so chance tells their runs apart.
std::string new_run_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 16; ++i) id += kDigits[random() % kDigits.size()];
  return id;
}

std::string cut(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return text;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;  // not inside a UTF-8 character
  return text.substr(0, end) + " (" + std::to_string(text.size() - end) + " bytes more)";
}

std::string_view name_of(State state) {
  switch (state) {
    case State::passed:
      return "passed";
    case State::failed:
      return "failed";
    case State::skipped:
      return "skipped";
  }
  return "skipped";
}

Json waiting_step(const std::string& name, const std::string& does) {
  Json step{{"name", cut(name, kLongestAction)}, {"state", "waiting"}};
  if (!does.empty()) step["does"] = cut(does, kLongestAction);
  return step;
}

Json waiting_run(const scenario::Scenario& scenario) {
  Json steps = Json::array({waiting_step("set up", {})});
  for (const scenario::Step& step : scenario.steps) {
    if (steps.size() == kMostSteps) break;
    steps.push_back(waiting_step(step.name, step.action + " " + step.arguments.dump()));
  }
  return {{"name", cut(scenario.name, kLongestAction)},
          {"file", cut(scenario.file, kLongestAction)},
          {"state", "running"},
          {"seconds", 0},
          {"steps", std::move(steps)}};
}

}  // namespace

ScenarioReport::ScenarioReport(const scenario::Scenario& scenario, std::vector<Listener> listeners)
    : listeners_(std::move(listeners)) {
  if (listeners_.empty()) return;
  path_ = "scenario-runs/" + new_run_id();
  run_ = waiting_run(scenario);
  tell();
}

ScenarioReport::~ScenarioReport() {
  if (under_way_.valid()) under_way_.wait();
  if (!untold_.empty()) put(untold_);
}

void ScenarioReport::begins(std::size_t step, const std::string& name) {
  if (path_.empty()) return;
  Json& steps = run_["steps"];
  if (step > steps.size()) return;  // of a run that has more than are told
  if (step == steps.size()) steps.push_back(waiting_step(name, {}));
  steps[step]["state"] = "running";
  tell();
}

void ScenarioReport::ends(std::size_t step, const scenario::StepOutcome& outcome) {
  if (path_.empty() || step >= run_["steps"].size()) return;
  Json& told = run_["steps"][step];
  told["state"] = name_of(outcome.state);
  told["seconds"] = outcome.took.count();
  if (!outcome.failure.empty()) told["failure"] = cut(outcome.failure, kLongestFailure);
  tell();
}

void ScenarioReport::ends(const scenario::Outcome& outcome) {
  if (path_.empty()) return;
  run_["state"] = outcome.passed() ? "passed" : "failed";
  run_["seconds"] = outcome.took.count();
  tell();
}

void ScenarioReport::tell() {
  untold_ = run_.dump(-1, ' ', false, Json::error_handler_t::replace);
  work();
}

void ScenarioReport::work() {
  if (untold_.empty()) return;
  if (under_way_.valid() && under_way_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  under_way_ = std::async(std::launch::async, [this, body = std::exchange(untold_, {})] { put(body); });
}

void ScenarioReport::put(const std::string& body) {
  std::erase_if(listeners_, [&](const Listener& listener) {
    try {
      const HubClient::Answer answer = listener.hub.control(
          {.method = "PUT", .path = path_, .body = body, .token = listener.control_token, .patience = kPatience});
      if (answer.status < 300) return false;
      spdlog::warn("a running hub does not show how the scenario goes: {}", refusal_text(answer.body));
    } catch (const HubClientError& error) {
      spdlog::warn("a running hub does not show how the scenario goes: {}", error.what());
    }
    return true;
  });
}

}  // namespace iothub::app
