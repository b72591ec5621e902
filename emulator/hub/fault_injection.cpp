#include "emulator/hub/fault_injection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kType = "AzIoTHub_FaultOperationType";
constexpr std::string_view kReason = "AzIoTHub_FaultOperationCloseReason";
constexpr std::string_view kDelay = "AzIoTHub_FaultOperationDelayInSecs";
constexpr std::string_view kDuration = "AzIoTHub_FaultOperationDurationInSecs";

using enum FaultType;
constexpr auto kNames = std::to_array<std::pair<FaultType, std::string_view>>({
    {kill_tcp, "KillTcp"},
    {kill_amqp_connection, "KillAmqpConnection"},
    {kill_amqp_session, "KillAmqpSession"},
    {kill_amqp_cbs_link_request, "KillAmqpCBSLinkReq"},
    {kill_amqp_cbs_link_response, "KillAmqpCBSLinkResp"},
    {kill_amqp_d2c_link, "KillAmqpD2CLink"},
    {kill_amqp_c2d_link, "KillAmqpC2DLink"},
    {kill_amqp_twin_link_request, "KillAmqpTwinLinkReq"},
    {kill_amqp_twin_link_response, "KillAmqpTwinLinkResp"},
    {kill_amqp_method_link_request, "KillAmqpMethodReqLink"},
    {kill_amqp_method_link_response, "KillAmqpMethodRespLink"},
    {shut_down_amqp, "ShutDownAmqp"},
    {shut_down_mqtt, "ShutDownMqtt"},
    {invoke_throttling, "InvokeThrottling"},
    {invoke_max_message_quota, "InvokeMaxMessageQuota"},
    {invoke_auth_error, "InvokeAuthError"},
});

const std::string* find(const Telemetry::Properties& properties, std::string_view name) {
  const auto found =
      std::find_if(properties.begin(), properties.end(), [&](const auto& property) { return property.first == name; });
  return found == properties.end() ? nullptr : &found->second;
}

Result<std::chrono::seconds> seconds_of(const Telemetry::Properties& properties, std::string_view name) {
  const std::string* text = find(properties, name);
  if (text == nullptr) return std::chrono::seconds{0};
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size() ||
      seconds > static_cast<std::uint64_t>(kMaxFaultTime.count())) {
    return argument_invalid("BadRequest", std::string(name) + " is '" + *text + "', not a number of seconds");
  }
  return std::chrono::seconds{seconds};
}

}  // namespace

std::string_view name_of(FaultType type) {
  return std::find_if(kNames.begin(), kNames.end(), [&](const auto& known) { return known.first == type; })->second;
}

Result<std::optional<Fault>> fault_of(const Telemetry::Properties& properties) {
  const std::string* type = find(properties, kType);
  if (type == nullptr) return std::optional<Fault>{};
  const auto known = std::find_if(kNames.begin(), kNames.end(), [&](const auto& candidate) {
    return text::equals_ignoring_case(candidate.second, *type);
  });
  if (known == kNames.end()) return argument_invalid("BadRequest", "there is no fault '" + *type + "'");
  const auto delay = seconds_of(properties, kDelay);
  if (!delay) return delay.error();
  const auto duration = seconds_of(properties, kDuration);
  if (!duration) return duration.error();
  const std::string* reason = find(properties, kReason);
  return std::optional<Fault>{Fault{known->first, reason == nullptr ? std::string() : *reason, *delay, *duration}};
}

std::optional<HubError> refusal_of(FaultType type) {
  const auto with = [type](ErrorCode code) {
    return HubError{code, "fault " + std::string(name_of(type)) + " asked for by the device", {}, {}};
  };
  switch (type) {
    case invoke_throttling:
      return with(ErrorCode::ThrottlingException);
    case invoke_max_message_quota:
      return with(ErrorCode::IotHubQuotaExceeded);
    case invoke_auth_error:
      return with(ErrorCode::IotHubUnauthorizedAccess);
    case kill_tcp:
    case kill_amqp_connection:
    case kill_amqp_session:
    case kill_amqp_cbs_link_request:
    case kill_amqp_cbs_link_response:
    case kill_amqp_d2c_link:
    case kill_amqp_c2d_link:
    case kill_amqp_twin_link_request:
    case kill_amqp_twin_link_response:
    case kill_amqp_method_link_request:
    case kill_amqp_method_link_response:
    case shut_down_amqp:
    case shut_down_mqtt:
      break;
  }
  return std::nullopt;
}

void Faults::stand(const Identity& identity, FaultType type, Timestamp from, Timestamp until) {
  standing_[identity] = {type, from, until};
}

Result<void> Faults::admit(const Identity& identity) {
  const auto found = standing_.find(identity);
  if (found == standing_.end()) return {};
  const Standing& fault = found->second;
  if (clock_.now() >= fault.until) {
    standing_.erase(found);
    return {};
  }
  if (clock_.now() < fault.from) return {};
  return *refusal_of(fault.type);
}

}  // namespace iothub::hub
