#include "emulator/hub/fault_rules.h"

#include <algorithm>
#include <array>

#include "emulator/hub/observer.h"

namespace iothub::hub {
namespace {

constexpr std::array<std::string_view, 7> kActions{"refuse-connection", "cut",    "drop", "duplicate",
                                                   "throttle",          "status", "delay"};

/// Evenly from [0, 1).
double chance(RandomSource& random) {
  std::array<std::byte, 4> bytes;
  random.fill(bytes);
  std::uint32_t number = 0;
  for (const std::byte byte : bytes) number = number << 8U | std::to_integer<std::uint32_t>(byte);
  return number / 4294967296.0;
}

}  // namespace

std::string_view name_of(FaultRule::Action action) {
  return kActions[static_cast<std::size_t>(action)];
}

std::optional<FaultRule::Action> fault_action_of(std::string_view name) {
  const auto found = std::find(kActions.begin(), kActions.end(), name);
  if (found == kActions.end()) return std::nullopt;
  return static_cast<FaultRule::Action>(found - kActions.begin());
}

std::string FaultRule::reason() const {
  return "fault rule " + std::to_string(id) + ": " + std::string(name_of(action));
}

std::uint64_t FaultRules::add(FaultRule rule) {
  rule.id = ++last_id_;
  rules_.push_back(std::move(rule));
  return last_id_;
}

bool FaultRules::remove(std::uint64_t id) {
  return std::erase_if(rules_, [id](const FaultRule& rule) { return rule.id == id; }) > 0;
}

const FaultRule* FaultRules::find(std::string_view protocol, std::string_view device, std::string_view operation,
                                  bool named) {
  const auto fits = [](const std::string& wanted, std::string_view there) { return wanted.empty() || wanted == there; };
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if (!fits(rule->protocol, protocol) || !fits(rule->device, device) || !fits(rule->operation, operation)) continue;
    if (named && rule->device.empty()) continue;
    // A rule that is used up stays in the list, so that a test can see how often it struck.
    if (rule->count == 0U) continue;
    if (rule->probability < 1 && chance(random_) >= rule->probability) continue;
    ++rule->struck;
    if (rule->count) --*rule->count;
    struck_ = *rule;
    observers_.tell(Happening::fault, {{std::string(device)}}, [&] {
      return detail_text({{"action", name_of(struck_.action)}, {"protocol", protocol}, {"operation", operation}},
                         {{"rule", static_cast<std::int64_t>(struck_.id)}});
    });
    return &struck_;
  }
  return nullptr;
}

}  // namespace iothub::hub
