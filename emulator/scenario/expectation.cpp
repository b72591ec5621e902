#include "emulator/scenario/expectation.h"

#include <algorithm>

#include "emulator/scenario/matcher.h"

namespace iothub::scenario {
namespace {

using hub::Json;

constexpr std::size_t kShownThings = 5;
constexpr std::size_t kShownBytes = 400;

std::size_t matching(const Json& matcher, std::span<const Json> came) {
  return static_cast<std::size_t>(
      std::count_if(came.begin(), came.end(), [&](const Json& each) { return compare(matcher, each).matches(); }));
}

/// How many of the sequence came, from its first on.
std::size_t in_order(const std::vector<Json>& sequence, std::span<const Json> came) {
  std::size_t next = 0;
  for (const Json& each : came) {
    if (next < sequence.size() && compare(sequence[next], each).matches()) ++next;
  }
  return next;
}

std::string shown(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "...";
  return text;
}

/// The one that does not match with the most that is right, and the least that is wrong.
std::string nearest_miss(const Json& matcher, std::span<const Json> came) {
  const Json* nearest = nullptr;
  Comparison best;
  for (const Json& each : came) {
    Comparison compared = compare(matcher, each);
    if (compared.matches()) continue;
    const bool nearer = nearest == nullptr || compared.agreed > best.agreed ||
                        (compared.agreed == best.agreed && compared.differences.size() < best.differences.size());
    if (!nearer) continue;
    nearest = &each;
    best = std::move(compared);
  }
  if (nearest == nullptr) return {};
  std::string text = "\nnearest miss: " + shown(*nearest);
  for (const Difference& each : best.differences) {
    text += "\n  " + (each.pointer.empty() ? std::string("it") : each.pointer) + ": " + each.text;
  }
  return text;
}

}  // namespace

Verdict verdict(const Expectation& expected, std::span<const Json> came) {
  if (!expected.sequence.empty()) {
    return in_order(expected.sequence, came) == expected.sequence.size() ? Verdict::met : Verdict::pending;
  }
  const std::size_t count = matching(expected.matcher, came);
  if (!expected.exactly) return count >= expected.at_least ? Verdict::met : Verdict::pending;
  if (count > *expected.exactly) return Verdict::impossible;
  return count == *expected.exactly ? Verdict::met : Verdict::pending;
}

std::string failure(const Expectation& expected, std::span<const Json> came) {
  const Json* missing = &expected.matcher;
  std::string text = "expected ";
  if (!expected.sequence.empty()) {
    const std::size_t reached = in_order(expected.sequence, came);
    if (reached < expected.sequence.size()) missing = &expected.sequence[reached];
    text += std::to_string(expected.sequence.size()) + " " + expected.things + " in order; " + std::to_string(reached) +
            " came, then not " + shown(*missing);
  } else {
    const std::size_t count = matching(expected.matcher, came);
    text += (expected.exactly ? "exactly " + std::to_string(*expected.exactly)
                              : "at least " + std::to_string(expected.at_least)) +
            " " + expected.things + " like " + shown(expected.matcher) + "\n" + std::to_string(count) + " came like it";
  }
  text += "\n" + std::to_string(came.size()) + " " + expected.things + " came in all" + (came.empty() ? "" : ":");
  for (std::size_t i = 0; i < came.size() && i < kShownThings; ++i) text += "\n  " + shown(came[i]);
  if (came.size() > kShownThings) text += "\n  ... and " + std::to_string(came.size() - kShownThings) + " more";
  return text + nearest_miss(*missing, came);
}

}  // namespace iothub::scenario
