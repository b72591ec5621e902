#include "emulator/hub/refusals.h"

#include "emulator/hub/observer.h"

namespace iothub::hub {
namespace {

Identity identity_of(std::string_view who) {
  const std::size_t slash = who.find('/');
  if (slash == std::string_view::npos) return {{std::string(who)}};
  return {{std::string(who.substr(0, slash))}, {std::string(who.substr(slash + 1))}};
}

std::string cut(std::string_view text) {
  return std::string(text.substr(0, Refusals::kLongestText));
}

}  // namespace

std::string_view hint_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::IotHubUnauthorizedAccess:
      return "compare the connection string with `iothub-emulator connection-string` (--device for a device's), and "
             "look at the token's resource and expiry";
    case ErrorCode::DeviceNotFound:
      return "create the device first, and mind that ids are case-sensitive";
    case ErrorCode::ModuleNotFound:
      return "create the module first, and mind that ids are case-sensitive";
    case ErrorCode::IotHubMisdirected:
      return "give the hub that name by --host-name, or declare one by POST /_emulator/hubs";
    case ErrorCode::DeviceNotOnline:
      return "the device must be connected and its method handler set before the method is called";
    case ErrorCode::GatewayTimeout:
      return "the device took the method and did not answer in responseTimeoutInSeconds";
    case ErrorCode::PreconditionFailed:
      return "the etag is not the current one: read the twin or identity again, or send If-Match: *";
    case ErrorCode::DeviceMaximumQueueDepthExceeded:
      return "50 messages wait for the device: let it receive, or purge the queue";
    case ErrorCode::DeviceMessageLockLost:
      return "the lock ended: settle within 60 s of receiving";
    case ErrorCode::NotImplemented:
      return "the emulator does not do this yet: docs/differences.md lists what is missing";
    default:  // one code among many; the reason says the rest
      return {};
  }
}

void Refusals::note(std::string_view protocol, std::string_view who, std::string_view operation,
                    const HubError& error) {
  keep({clock_.now(), std::string(protocol), cut(who), cut(operation), static_cast<int>(error.code), cut(error.message),
        cut(error.reason.empty() ? error.message : error.reason), std::string(hint_of(error.code))});
}

void Refusals::note(std::string_view protocol, std::string_view who, std::string_view operation,
                    std::string_view reason) {
  keep({clock_.now(), std::string(protocol), cut(who), cut(operation), 0, {}, cut(reason), {}});
}

void Refusals::keep(Refusal refusal) {
  observers_.tell(Happening::refused, identity_of(refusal.who), [&refusal] {
    return detail_text({{"protocol", refusal.protocol},
                        {"operation", refusal.operation},
                        {"message", refusal.message},
                        {"reason", refusal.reason},
                        {"hint", refusal.hint}},
                       {{"code", refusal.code}});
  });
  if (refusals_.size() == kKept) refusals_.pop_front();
  refusals_.push_back(std::move(refusal));
}

}  // namespace iothub::hub
