/// Faults by rule (hub/fault_rules.h).
#include <charconv>
#include <cmath>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/fault_rules.h"

namespace iothub::heads::control {
namespace {

using hub::FaultRule;
using hub::Json;

constexpr double kMostStrikes = 1e15;

Json rule_json(const FaultRule& rule) {
  Json json;
  json["id"] = rule.id;
  json["action"] = hub::name_of(rule.action);
  if (!rule.device.empty()) json["device"] = rule.device;
  if (!rule.operation.empty()) json["operation"] = rule.operation;
  if (!rule.protocol.empty()) json["protocol"] = rule.protocol;
  if (rule.action == FaultRule::Action::status) json["status"] = rule.status;
  if (rule.delay.count() > 0) json["delay"] = std::to_string(rule.delay.count()) + "ms";
  if (rule.probability < 1) json["probability"] = rule.probability;
  if (rule.count) json["count"] = *rule.count;
  json["struck"] = rule.struck;
  return json;
}

hub::Result<FaultRule> rule_of(const Json& arguments) {
  FaultRule rule;
  const auto action = text_argument(arguments, "action");
  if (!action) return action.error();
  const auto known = hub::fault_action_of(action->value_or(""));
  if (!known) {
    return hub::argument_invalid(
        "'action' is none of refuse-connection, cut, drop, duplicate, throttle, status and delay");
  }
  rule.action = *known;
  for (const auto& [name, member] : {std::pair{"device", &FaultRule::device},
                                     {"operation", &FaultRule::operation},
                                     {"protocol", &FaultRule::protocol}}) {
    const auto value = text_argument(arguments, name);
    if (!value) return value.error();
    rule.*member = value->value_or("");
  }
  if (!rule.protocol.empty() && rule.protocol != "mqtt" && rule.protocol != "amqp" && rule.protocol != "http") {
    return hub::argument_invalid("'protocol' is none of mqtt, amqp and http");
  }
  const auto status = number_argument(arguments, "status", 400, 599);
  if (!status) return status.error();
  rule.status = static_cast<int>(status->value_or(503));
  const auto delay = duration_argument(arguments, "delay");
  if (!delay) return delay.error();
  rule.delay = delay->value_or(std::chrono::milliseconds{0});
  if (rule.action == FaultRule::Action::delay && rule.delay.count() == 0) {
    return hub::argument_invalid("action 'delay' needs a 'delay' such as 500ms");
  }
  const auto probability = number_argument(arguments, "probability", 0, 1);
  if (!probability) return probability.error();
  rule.probability = probability->value_or(1);
  const auto count = number_argument(arguments, "count", 1, kMostStrikes);
  if (!count) return count.error();
  if (*count) rule.count = static_cast<std::uint64_t>(std::floor(**count));
  if (rule.action == FaultRule::Action::duplicate && rule.operation != "telemetry") {
    return hub::argument_invalid("action 'duplicate' is for operation 'telemetry'");
  }
  return rule;
}

}  // namespace

void list_faults(const Request& request) {
  Json rules = Json::array();
  for (const FaultRule& rule : request.hub.fault_rules().all()) rules.push_back(rule_json(rule));
  request.answer({{"faults", rules}});
}

void add_fault(const Request& request) {
  const hub::Result<Json> arguments =
      request.arguments({"action", "device", "operation", "protocol", "status", "delay", "probability", "count"});
  if (!arguments) return request.refuse(arguments.error());
  hub::Result<FaultRule> rule = rule_of(*arguments);
  if (!rule) return request.refuse(rule.error());
  request.hub.fault_rules().add(std::move(*rule));
  request.answer(rule_json(request.hub.fault_rules().all().back()), 201);
}

void remove_fault(const Request& request) {
  const std::string& text = request.ids.at(0);
  std::uint64_t id = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_id = error == std::errc{} && stop == text.data() + text.size();
  if (is_id && request.hub.fault_rules().remove(id)) return request.answer_no_content();
  request.refuse({hub::ErrorCode::GenericNotFound, "there is no fault '" + text + "'", {}, {}});
}

void remove_faults(const Request& request) {
  request.hub.fault_rules().clear();
  request.answer_no_content();
}

}  // namespace iothub::heads::control
