#pragma once
/// Scenario files: a time line of steps with expectations (docs/scenarios.md).
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/json.h"
#include "emulator/scenario/expectation.h"
#include "emulator/seed/seed.h"
#include "emulator/simulate/device_template.h"

namespace iothub::scenario {

using Seconds = std::chrono::duration<double>;

/// How long an `expect` waits that does not say it.
inline constexpr Seconds kWithin{5};

struct VirtualDevice {
  std::string id;
  simulate::DeviceTemplate does;
  bool connect = true;
  std::optional<Seconds> reconnect;  ///< how long after a loss; nothing: it stays away
};

struct Step {
  std::string name;     ///< its own, or what it does
  std::string pointer;  ///< `/steps/2`
  seed::Mark mark;
  std::optional<Seconds> at;  ///< from the scenario's beginning
  Seconds after{0};           ///< from the end of the step before
  std::string action;         ///< `send`, `expect`, ...
  hub::Json arguments;        ///< as the schema has them; those that may be a device's id alone as {"device": id}
  /// Of `expect` and `expect_not`: of messages, c2d, desired or calls.
  Expectation expectation{};
  std::string subject{};  ///< `messages`, `c2d`, `desired`, `calls`, `twin`, `connection`, `program`
  std::string since{};    ///< the step of that name
};

struct Scenario {
  std::string name;
  std::string file;
  std::vector<seed::Seed> seeds;
  std::vector<VirtualDevice> devices;
  std::vector<Step> steps;
  std::vector<std::string> other_files;  ///< that it names
};

/// The text of a file that a scenario names, or nothing when it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& name)>;

/// Refuses what read_document(), the schema, seed::parse() and simulate::parse_template() refuse; a step without one
/// action; matchers and patterns that cannot work; a device action of no virtual device; a time that is none.
seed::Result<Scenario> parse(std::string_view text, std::string file, const ReadFile& read);

/// 1.5 or "500ms", "30s", "2m", "1h", "3d", as the schema let it through.
Seconds seconds_of(const hub::Json& time);

}  // namespace iothub::scenario
