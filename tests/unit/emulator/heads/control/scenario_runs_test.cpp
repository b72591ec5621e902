#include "emulator/heads/control/scenario_runs.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/support/result_text.h"

using namespace iothub;
using heads::control::scenario_run_of;
using heads::control::ScenarioRun;
using heads::control::ScenarioRuns;
using hub::Json;

namespace {

Json step(const char* name, const char* state) {
  return {{"name", name}, {"state", state}};
}

Json told(const char* state, const Json& steps) {
  return {{"name", "alarm"}, {"file", "alarm.yaml"}, {"state", state}, {"seconds", 1.5}, {"steps", steps}};
}

std::string refusal(const Json& run) {
  const hub::Result<ScenarioRun> read = scenario_run_of("r1", run);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == hub::ErrorCode::ArgumentInvalid);
  return read.error().message;
}

}  // namespace

TEST_CASE("a run of a scenario is kept as its runner told it") {
  Json failed = step("expect", "failed");
  failed["does"] = R"(expect {"messages":{}})";
  failed["seconds"] = 0.25;
  failed["failure"] = "expected 21\ngot 20";
  const Json steps = Json::array({step("set up", "passed"), failed, step("send", "skipped")});
  const ScenarioRun run = scenario_run_of("r1", told("failed", steps)).value();
  Json shown = to_json(run);
  CHECK(shown.at("id") == "r1");
  CHECK(shown.at("steps").at(1).at("failure") == "expected 21\ngot 20");
  CHECK(shown.at("steps").at(1).at("does") == R"(expect {"messages":{}})");
  CHECK(shown.at("steps").at(1).at("seconds") == 0.25);
  CHECK(shown.at("steps").at(2) == Json({{"name", "send"}, {"state", "skipped"}, {"seconds", 0.0}}));
  shown.erase("id");
  shown.erase("heard");
  shown.erase("steps");
  CHECK(shown == Json({{"name", "alarm"}, {"file", "alarm.yaml"}, {"state", "failed"}, {"seconds", 1.5}}));
}

TEST_CASE("a run's event says how far it is") {
  const Json steps = Json::array({step("set up", "passed"), step("cooling", "running"), step("expect", "waiting")});
  CHECK(progress_json(scenario_run_of("r1", told("running", steps)).value()) ==
        Json::parse(R"({"run":"r1","name":"alarm","state":"running","done":1,"steps":3,"step":"cooling"})"));
  CHECK_FALSE(progress_json(scenario_run_of("r1", told("passed", Json::array())).value()).contains("step"));
}

TEST_CASE("what is no run of a scenario is refused with what is wrong") {
  const Json good = told("running", Json::array({step("a", "waiting")}));
  REQUIRE(scenario_run_of("r1", good));
  Json run = good;
  run["state"] = "paused";
  CHECK(refusal(run).find("'state' is none of running, passed, failed") != std::string::npos);
  run = good;
  run["steps"][0]["state"] = "done";
  CHECK(refusal(run).find("'state' is none of waiting, running, passed, failed, skipped") != std::string::npos);
  run = good;
  run["steps"][0]["colour"] = "blue";
  CHECK(refusal(run).find("'colour'") != std::string::npos);
  run = good;
  run["steps"] = Json::object();
  CHECK(refusal(run).find("'steps' is no array") != std::string::npos);
  run = good;
  run["steps"][0] = 5;
  CHECK(refusal(run).find("a step is no object") != std::string::npos);
  run = good;
  run["steps"][0]["failure"] = std::string(ScenarioRuns::kLongestText + 1, 'x');
  CHECK(refusal(run).find("'failure' is longer than 16384 bytes") != std::string::npos);
  run = good;
  run["steps"] = Json::array();
  for (std::size_t i = 0; i <= ScenarioRuns::kMostSteps; ++i) run["steps"].push_back(step("a", "waiting"));
  CHECK(refusal(run).find("more than 1000 steps") != std::string::npos);
  CHECK_FALSE(scenario_run_of(std::string(65, 'r'), good));
}

TEST_CASE("the last runs are kept, newest first, and each report takes the place of the run's earlier one") {
  ScenarioRuns runs;
  const auto put = [&](const std::string& id, const char* state) {
    runs.put(scenario_run_of(id, told(state, Json::array())).value());
  };
  put("first", "running");
  put("second", "running");
  put("first", "passed");
  REQUIRE(runs.newest().size() == 2);
  CHECK(runs.newest()[0].id == "second");
  CHECK(runs.newest()[1].id == "first");
  CHECK(name_of(runs.newest()[1].state) == "passed");
  for (std::size_t i = 0; i < ScenarioRuns::kKept; ++i) put(std::to_string(i), "running");
  CHECK(runs.newest().size() == ScenarioRuns::kKept);
  CHECK(runs.newest().back().id == "0");
}
