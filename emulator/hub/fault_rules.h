#pragma once
/// Faults that a test asks for by rule, through the control API: what fits a rule is refused, delayed, dropped, doubled
/// or cut (the SDK suites' own faults, which a device asks for itself, are in fault_injection.h).
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/clock.h"

namespace iothub::hub {

class Observers;

struct FaultRule {
  enum class Action : std::uint8_t {
    refuse_connection,  ///< a device's connection is not accepted: MQTT CONNACK 3, AMQP and HTTP 503
    cut,                ///< the connection is cut without a goodbye
    drop,               ///< taken from the wire and forgotten: nothing is stored, nothing answered
    duplicate,          ///< telemetry is stored twice
    throttle,           ///< HTTP 429 (50003 would be the quota); over MQTT the connection closes, as a hub's does
    status,             ///< HTTP answers `status`; a twin request over MQTT does too
    delay,              ///< done after `delay`
  };

  std::uint64_t id = 0;
  std::string device;     ///< empty: any
  std::string operation;  ///< empty: any; `connect`, `telemetry`, `twin`, `method`, `c2d`, or a REST operation's name
  std::string protocol;   ///< empty: any; `mqtt`, `amqp`, `http`
  Action action = Action::status;
  int status = 503;
  std::chrono::milliseconds delay{0};
  double probability = 1;
  std::optional<std::uint64_t> count;  ///< how often it still strikes; nothing: without end
  std::uint64_t struck = 0;

  /// `fault rule 3: cut`
  std::string reason() const;
  /// What throttle and status answer, where the protocol has a status.
  int answered_status() const { return action == Action::throttle ? 429 : status; }
};

std::string_view name_of(FaultRule::Action action);
std::optional<FaultRule::Action> fault_action_of(std::string_view name);

class FaultRules {
 public:
  /// Chance comes from `random`, so a deterministic hub has deterministic faults.
  FaultRules(RandomSource& random, Observers& observers) : random_(random), observers_(observers) {}

  std::uint64_t add(FaultRule rule);
  bool remove(std::uint64_t id);
  void clear() { rules_.clear(); }
  const std::vector<FaultRule>& all() const { return rules_; }

  /// The rule that strikes here, counted; the first that fits and whose chance says so. Null mostly, at the cost of one
  /// comparison. Valid until the next call.
  const FaultRule* strike(std::string_view protocol, std::string_view device, std::string_view operation) {
    return rules_.empty() ? nullptr : find(protocol, device, operation, false);
  }
  /// Whether a rule takes what the hub would push to the device; it can only be dropped.
  bool loses(std::string_view protocol, std::string_view device, std::string_view operation) {
    const FaultRule* rule = strike(protocol, device, operation);
    return rule != nullptr && rule->action == FaultRule::Action::drop;
  }
  /// strike() among the rules that name the device.
  const FaultRule* strike_named(std::string_view protocol, std::string_view device, std::string_view operation) {
    return rules_.empty() ? nullptr : find(protocol, device, operation, true);
  }

 private:
  const FaultRule* find(std::string_view protocol, std::string_view device, std::string_view operation, bool named);

  RandomSource& random_;
  Observers& observers_;
  std::vector<FaultRule> rules_;
  FaultRule struck_;
  std::uint64_t last_id_ = 0;
};

}  // namespace iothub::hub
