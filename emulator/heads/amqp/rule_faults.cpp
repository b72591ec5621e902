#include "emulator/heads/amqp/rule_faults.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "emulator/heads/amqp/condition.h"

namespace iothub::heads::amqp_head {
namespace {

using Action = hub::FaultRule::Action;

hub::HubError error_of(const hub::FaultRule& rule) {
  constexpr int kCodesOfAStatus = 1000;
  const int status = rule.action == Action::refuse_connection ? 503 : rule.answered_status();
  return {static_cast<hub::ErrorCode>(status * kCodesOfAStatus), rule.reason(), {}, {}};
}

}  // namespace

RuleFaults::RuleFaults(Connection connection, hub::Scheduler& scheduler)
    : connection_(std::move(connection)), delay_(scheduler) {}

bool RuleFaults::opens(hub::Hub& hub) {
  const hub::FaultRule* rule = hub.fault_rules().strike("amqp", {}, "connect");
  if (rule == nullptr) return false;
  switch (rule->action) {
    case Action::drop:
      spdlog::info("amqp {}: the connection is not answered: {}", connection_.id, rule->reason());
      connection_.ended();
      return true;
    case Action::delay:
      delay(rule->delay, [] {});
      return false;
    case Action::cut:
      connection_.ended();
      connection_.outbox.abort(rule->reason());
      return true;
    case Action::refuse_connection:
    case Action::throttle:
    case Action::status:
    case Action::duplicate:
      connection_.engine.close({"amqp:internal-error", rule->reason()});
      return true;
  }
  return false;
}

std::optional<RuleFaults::Struck> RuleFaults::attaches(hub::Hub& hub, const hub::Identity& identity,
                                                       std::function<void()> attach) {
  const Strike strike = [this, &hub, device = identity.device.value, attach]() -> std::optional<Struck> {
    const hub::FaultRule* rule = hub.fault_rules().strike_named("amqp", device, "connect");
    return rule == nullptr ? std::nullopt : suffer(hub, *rule, attach);
  };
  return in_turn(strike, std::move(attach));
}

bool RuleFaults::holds(hub::Hub& hub, amqp::LinkId link, amqp::DeliveryId delivery, std::string_view bytes) {
  const std::string kept(bytes);
  const Strike strike = [this, &hub, link, delivery, kept] { return strike_message(hub, link, delivery, kept); };
  return in_turn(strike, [this, link, delivery, kept] { handle(link, delivery, kept); }).has_value();
}

std::optional<RuleFaults::Struck> RuleFaults::settles(hub::Hub& hub, const DeviceLinks& device,
                                                      std::function<void()> settle) {
  const Strike strike = [this, &hub, name = device.identity().device.value, settle]() -> std::optional<Struck> {
    const hub::FaultRule* rule = hub.fault_rules().strike("amqp", name, "c2d");
    return rule == nullptr ? std::nullopt : suffer(hub, *rule, settle);
  };
  return in_turn(strike, std::move(settle));
}

std::optional<RuleFaults::Struck> RuleFaults::in_turn(Strike strike, std::function<void()> act) {
  if (!delay_.is_set()) return strike();
  waiting_.push_back({std::move(strike), std::move(act)});
  return Struck{};
}

std::optional<RuleFaults::Struck> RuleFaults::strike_message(hub::Hub& hub, amqp::LinkId link,
                                                             amqp::DeliveryId delivery, const std::string& bytes) {
  DeviceLinks* device = connection_.devices.find(link);
  if (device == nullptr) return Struck{};  // it has gone while its message waited
  const hub::FaultRule* found =
      hub.fault_rules().strike("amqp", device->identity().device.value, device->operation_of(link));
  if (found == nullptr) return std::nullopt;
  const hub::FaultRule rule = *found;  // the next look at the rules takes its place
  if (rule.action == Action::duplicate) {
    connection_.devices.message(*device, link, bytes);
    return std::nullopt;
  }
  const std::optional<Struck> struck =
      suffer(hub, rule, [this, link, delivery, bytes] { handle(link, delivery, bytes); });
  if (!struck->refusal) return struck;
  // A twin request has an answer of its own to say it.
  const bool answered = connection_.devices.refuse_twin_request(*device, link, bytes, error_of(rule));
  connection_.engine.answer(delivery, answered ? std::nullopt : struck->refusal);
  return struck;
}

void RuleFaults::handle(amqp::LinkId link, amqp::DeliveryId delivery, const std::string& bytes) {
  DeviceLinks* device = connection_.devices.find(link);
  if (device != nullptr) connection_.engine.answer(delivery, connection_.devices.message(*device, link, bytes));
}

std::optional<RuleFaults::Struck> RuleFaults::suffer(hub::Hub& hub, const hub::FaultRule& rule,
                                                     std::function<void()> act) {
  switch (rule.action) {
    case Action::drop:
      spdlog::info("amqp {}: what a device sent is dropped by {}", connection_.id, rule.reason());
      return Struck{};
    case Action::cut:
      connection_.ended();
      connection_.outbox.abort(rule.reason());
      return Struck{};
    case Action::delay:
      delay(rule.delay, std::move(act));
      return Struck{};
    case Action::refuse_connection:
    case Action::throttle:
    case Action::status:
    case Action::duplicate:
      break;
  }
  return Struck{condition_of(hub, error_of(rule))};
}

void RuleFaults::delay(std::chrono::milliseconds time, std::function<void()> act) {
  waiting_.push_front({nullptr, std::move(act)});
  connection_.outbox.pause_reading(true);
  delay_.set(time, [this] { go_on(); });
}

void RuleFaults::go_on() {
  while (!waiting_.empty() && !delay_.is_set()) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.strike && next.strike()) continue;
    next.act();
  }
  if (!delay_.is_set()) connection_.outbox.pause_reading(false);
  connection_.has_written();
}

void RuleFaults::clear() {
  delay_.cancel();
  waiting_.clear();
}

}  // namespace iothub::heads::amqp_head
