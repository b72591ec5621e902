#pragma once
/// How a scenario went.
#include <chrono>
#include <string>
#include <vector>

namespace iothub::scenario {

struct StepOutcome {
  enum class State { passed, failed, skipped };
  std::string name;
  State state = State::skipped;
  std::chrono::duration<double> took{0};
  std::string failure{};  ///< lines for people; the first says where
};

struct Outcome {
  std::string name;
  std::string file;
  std::chrono::duration<double> took{0};
  std::vector<StepOutcome> steps;

  bool passed() const {
    for (const StepOutcome& each : steps) {
      if (each.state != StepOutcome::State::passed) return false;
    }
    return true;
  }
};

}  // namespace iothub::scenario
