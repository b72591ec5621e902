#pragma once
/// JSON with generators in it: what a simulated device sends next.
///
/// An object with one member whose name starts with `$` stands for a value that changes:
///   {"$counter": {"start": 0, "step": 1}}                     0, 1, 2, ...
///   {"$walk": {"start": 20, "step": 0.5, "min": 10, "max": 30}}   a random walk
///   {"$uniform": {"min": 0, "max": 1}}                         evenly distributed
///   {"$choice": ["ok", "warning"]}                             one of them
///   {"$time": "iso"}, {"$time": "unix"}                        the time of sending; seconds for unix
///   {"$device": "id"}                                          the device's id
/// All else is sent as it stands.
#include <map>
#include <optional>
#include <random>
#include <string>

#include "emulator/hub/json.h"

namespace iothub::simulate {

/// What is wrong with a pattern: the JSON pointer inside it, and why.
struct PatternError {
  std::string pointer;
  std::string what;
};

/// Nothing when every generator in it can work.
std::optional<PatternError> check_pattern(const hub::Json& pattern);

/// One device's generators, each with its own state.
class Generators {
 public:
  Generators(std::string device_id, std::uint64_t seed) : device_id_(std::move(device_id)), chance_(seed) {}

  /// `pattern` was checked; `place` tells one pattern's states from another's.
  hub::Json next(const hub::Json& pattern, const std::string& place, double unix_time);

 private:
  hub::Json generated(const std::string& generator, const hub::Json& arguments, const std::string& place,
                      double unix_time);

  const std::string device_id_;
  std::mt19937_64 chance_;
  std::map<std::string, double> states_;
};

}  // namespace iothub::simulate
