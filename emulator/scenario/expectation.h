#pragma once
/// What an `expect` says of a list of things that came: how many of which, and in which order.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emulator/hub/json.h"

namespace iothub::scenario {

struct Expectation {
  std::string things;               ///< for people: "messages", "calls"
  hub::Json matcher;                ///< of each
  std::vector<hub::Json> sequence;  ///< matchers, in their order; others may come between. Empty: `matcher` counts
  std::optional<std::size_t> exactly;
  std::size_t at_least = 1;
};

enum class Verdict {
  met,
  pending,     ///< what is missing may still come
  impossible,  ///< more came than may
};

Verdict verdict(const Expectation& expected, std::span<const hub::Json> came);

/// What was expected, what came, and the nearest miss: several lines.
std::string failure(const Expectation& expected, std::span<const hub::Json> came);

}  // namespace iothub::scenario
