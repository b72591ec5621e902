#include "emulator/heads/amqp/condition.h"

#include "emulator/heads/refusal.h"

namespace iothub::heads::amqp_head {
namespace {

std::string_view name_of_condition(hub::ErrorCode code) {
  switch (code) {
    case hub::ErrorCode::DeviceMaximumQueueDepthExceeded:
      return "amqp:resource-limit-exceeded";
    case hub::ErrorCode::DeviceMessageLockLost:
      return "com.microsoft:message-lock-lost";
    case hub::ErrorCode::InvalidOperation:
      return "amqp:not-allowed";
    default:  // one code among many of each class
      break;
  }
  switch (http_status(code)) {
    case 401:
      return "amqp:unauthorized-access";
    case 404:
      return "amqp:not-found";
    case 412:
      return "amqp:precondition-failed";
    case 413:
      return "amqp:link:message-size-exceeded";
    case 501:
      return "amqp:not-implemented";
    default:
      return http_status(code) >= 500 ? "amqp:internal-error" : "com.microsoft:argument-error";
  }
}

}  // namespace

amqp::Condition condition_of(hub::Hub& hub, const hub::HubError& error) {
  return {std::string(name_of_condition(error.code)), error_object(hub, error)};
}

}  // namespace iothub::heads::amqp_head
