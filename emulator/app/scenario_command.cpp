#include "emulator/app/scenario_command.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "emulator/app/child_process.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/file_text.h"
#include "emulator/app/scenario_run.h"
#include "emulator/app/seed_files.h"
#include "emulator/scenario/junit.h"

namespace iothub::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kWatchPoll{300};

std::atomic<bool> stop_running{false};  // what a signal handler may touch

scenario::Scenario read_scenario(const fs::path& file) {
  const std::optional<std::string> text = read_text(file);
  if (!text) throw SeedError("the scenario " + file.string() + " cannot be read");
  auto parsed = scenario::parse(*text, file.string(),
                                [&](const std::string& name) { return read_text(file.parent_path() / name); });
  if (!parsed) throw SeedError(parsed.error().text());
  return std::move(*parsed);
}

std::vector<scenario::Scenario> read_scenarios(const std::vector<fs::path>& files) {
  std::vector<scenario::Scenario> scenarios;
  for (const fs::path& file : files) scenarios.push_back(read_scenario(file));
  return scenarios;
}

void print(const scenario::Outcome& outcome) {
  char took[32];
  std::snprintf(took, sizeof took, "%.1f s", outcome.took.count());
  std::cout << (outcome.passed() ? "passed " : "FAILED ") << outcome.file << " (" << outcome.name << ", "
            << outcome.steps.size() << " steps, " << took << ")\n";
  for (const scenario::StepOutcome& step : outcome.steps) {
    if (!step.failure.empty()) std::cout << step.failure << "\n";
  }
  std::cout.flush();
}

void write_junit(const fs::path& file, const std::vector<scenario::Outcome>& outcomes) {
  std::ofstream stream(file, std::ios::binary);
  stream << scenario::junit_xml(outcomes);
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

int run_all(const std::vector<scenario::Scenario>& scenarios, const Config& config,
            const ScenarioSurroundings& surroundings) {
  std::vector<scenario::Outcome> outcomes;
  bool passed = true;
  for (const scenario::Scenario& each : scenarios) {
    if (stop_running) break;
    outcomes.push_back(run_scenario(each, surroundings));
    passed = passed && outcomes.back().passed();
    print(outcomes.back());
  }
  if (!config.junit_file.empty()) write_junit(config.junit_file, outcomes);
  return passed && !stop_running ? kDone : kFailed;
}

/// When the files, and those that they name, were last changed.
std::vector<fs::file_time_type> times_of(const std::vector<fs::path>& files,
                                         const std::vector<scenario::Scenario>& scenarios) {
  std::vector<fs::path> all = files;
  for (const scenario::Scenario& each : scenarios) {
    for (const std::string& name : each.other_files) all.push_back(fs::path(each.file).parent_path() / name);
  }
  std::vector<fs::file_time_type> times;
  for (const fs::path& file : all) {
    std::error_code missing;
    times.push_back(fs::last_write_time(file, missing));
  }
  return times;
}

int watch(const std::vector<fs::path>& files, const Config& config, const ScenarioSurroundings& surroundings) {
  std::vector<scenario::Scenario> scenarios;
  while (!stop_running) {
    std::vector<fs::file_time_type> seen = times_of(files, scenarios);
    try {
      scenarios = read_scenarios(files);
      seen = times_of(files, scenarios);
      run_all(scenarios, config, surroundings);
    } catch (const SeedError& error) {
      std::cout << error.what() << "\n";
    }
    std::cout << "waiting for a change\n" << std::flush;
    while (!stop_running && times_of(files, scenarios) == seen) std::this_thread::sleep_for(kWatchPoll);
  }
  return kDone;
}

}  // namespace

int run_scenario_command(const Config& config, const Environment& environment) {
  const sigset_t reset = signals_to_reset();
  const std::vector<fs::path> files(config.scenario_words.begin() + 1, config.scenario_words.end());
  const ScenarioSurroundings surroundings{config, environment, reset, stop_running};
  std::signal(SIGINT, [](int) { stop_running = true; });
  std::signal(SIGTERM, [](int) { stop_running = true; });
  if (config.watch) return watch(files, config, surroundings);
  return run_all(read_scenarios(files), config, surroundings);
}

}  // namespace iothub::app
