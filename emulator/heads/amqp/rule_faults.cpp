#include "emulator/heads/amqp/rule_faults.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "emulator/heads/amqp/condition.h"

namespace iothub::heads::amqp_head {
namespace {

using Action = hub::FaultRule::Action;

std::string reason_of(const hub::FaultRule& rule) {
  return "fault rule " + std::to_string(rule.id) + ": " + std::string(name_of(rule.action));
}

int status_of(const hub::FaultRule& rule) {
  if (rule.action == Action::throttle) return 429;
  return rule.action == Action::refuse_connection ? 503 : rule.status;
}

hub::HubError error_of(const hub::FaultRule& rule) {
  constexpr int kCodesOfAStatus = 1000;
  return {static_cast<hub::ErrorCode>(status_of(rule) * kCodesOfAStatus), reason_of(rule), {}, {}};
}

}  // namespace

RuleFaults::RuleFaults(Connection connection, hub::Scheduler& scheduler)
    : connection_(std::move(connection)), delay_(scheduler) {}

bool RuleFaults::opens(hub::Hub& hub) {
  const hub::FaultRule* rule = hub.fault_rules().strike("amqp", {}, "connect");
  if (rule == nullptr) return false;
  switch (rule->action) {
    case Action::drop:
      spdlog::info("amqp {}: the connection is not answered: {}", connection_.id, reason_of(*rule));
      connection_.ended();
      return true;
    case Action::delay:
      delay(rule->delay, [] {});
      return false;
    case Action::cut:
      connection_.ended();
      connection_.outbox.abort(reason_of(*rule));
      return true;
    case Action::refuse_connection:
    case Action::throttle:
    case Action::status:
    case Action::duplicate:
      connection_.engine.close({"amqp:internal-error", reason_of(*rule)});
      return true;
  }
  return false;
}

std::optional<RuleFaults::Struck> RuleFaults::attaches(hub::Hub& hub, const hub::Identity& identity,
                                                       std::function<void()> attach) {
  const auto strike = [this, &hub, device = identity.device.value, attach]() -> std::optional<Struck> {
    const hub::FaultRule* rule = hub.fault_rules().strike_named("amqp", device, "connect");
    if (rule == nullptr) return std::nullopt;
    std::optional<Struck> struck = suffer(*rule, attach);
    if (struck->refusal) struck->refusal = condition_of(hub, error_of(*rule));
    return struck;
  };
  if (!delay_.is_set()) return strike();
  waiting_.push_back({[strike] { return strike().has_value(); }, std::move(attach)});
  return Struck{};
}

bool RuleFaults::holds(hub::Hub& hub, DeviceLinks& device, amqp::LinkId link, amqp::DeliveryId delivery,
                       std::string_view bytes) {
  if (!may_strike(hub)) return false;
  const std::string kept(bytes);
  if (!delay_.is_set()) return strikes_message(hub, device, link, delivery, kept);
  const auto strike = [this, &hub, link, delivery, kept] {
    DeviceLinks* sender = connection_.devices.find(link);
    return sender == nullptr || strikes_message(hub, *sender, link, delivery, kept);
  };
  const auto act = [this, link, delivery, kept] {
    if (DeviceLinks* sender = connection_.devices.find(link)) {
      connection_.engine.answer(delivery, connection_.devices.message(*sender, link, kept));
    }
  };
  waiting_.push_back({strike, act});
  return true;
}

bool RuleFaults::strikes_message(hub::Hub& hub, DeviceLinks& device, amqp::LinkId link, amqp::DeliveryId delivery,
                                 const std::string& bytes) {
  const std::string_view operation = device.operation_of(link);
  const hub::FaultRule* found = hub.fault_rules().strike("amqp", device.identity().device.value, operation);
  if (found == nullptr) return false;
  const hub::FaultRule rule = *found;  // the next look at the rules takes its place
  if (rule.action == Action::duplicate) {
    connection_.devices.message(device, link, bytes);
    return false;
  }
  const std::optional<Struck> struck = suffer(rule, [this, link, delivery, bytes] {
    if (DeviceLinks* sender = connection_.devices.find(link)) {
      connection_.engine.answer(delivery, connection_.devices.message(*sender, link, bytes));
    }
  });
  if (!struck->refusal) return true;
  // A twin request has an answer of its own to say it.
  if (connection_.devices.refuse_twin_request(device, link, bytes, error_of(rule))) {
    connection_.engine.answer(delivery, std::nullopt);
  } else {
    connection_.engine.answer(delivery, condition_of(hub, error_of(rule)));
  }
  return true;
}

std::optional<RuleFaults::Struck> RuleFaults::settles(hub::Hub& hub, const DeviceLinks& device,
                                                      std::function<void()> settle) {
  const auto strike = [this, &hub, name = device.identity().device.value, settle]() -> std::optional<Struck> {
    const hub::FaultRule* rule = hub.fault_rules().strike("amqp", name, "c2d");
    if (rule == nullptr) return std::nullopt;
    std::optional<Struck> struck = suffer(*rule, settle);
    if (struck->refusal) struck->refusal = condition_of(hub, error_of(*rule));
    return struck;
  };
  if (!delay_.is_set()) return strike();
  waiting_.push_back({[strike] { return strike().has_value(); }, std::move(settle)});
  return Struck{};
}

/// A refusal is the caller's to word.
std::optional<RuleFaults::Struck> RuleFaults::suffer(const hub::FaultRule& rule, std::function<void()> act) {
  const std::string reason = reason_of(rule);
  switch (rule.action) {
    case Action::drop:
      spdlog::info("amqp {}: what a device sent is dropped by {}", connection_.id, reason);
      return Struck{};
    case Action::cut:
      connection_.ended();
      connection_.outbox.abort(reason);
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
  return Struck{amqp::Condition{}};
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
