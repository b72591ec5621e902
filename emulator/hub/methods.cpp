#include "emulator/hub/methods.h"

#include <charconv>
#include <string>
#include <vector>

#include "emulator/hub/limits.h"
#include "emulator/hub/observer.h"

namespace iothub::hub {
namespace {

/// `00:00:30`, as the service writes its time-outs into `info`. At most 300 s.
std::string clock_text(std::chrono::seconds time) {
  const auto two = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return "00:" + two(time.count() / 60) + ":" + two(time.count() % 60);
}

HubError not_online(std::chrono::seconds connect_timeout) {
  return {
      ErrorCode::DeviceNotOnline,
      "The operation failed because the requested device isn't online or hasn't registered the direct method callback. "
      "To learn more, see https://aka.ms/iothub404103",
      "no link of this identity is subscribed to methods", dump({{"timeout", clock_text(connect_timeout)}})};
}

HubError no_answer() {
  return {ErrorCode::GatewayTimeout, "Timed out waiting for the response from device.", {}, "{}"};
}

HubError device_left() {
  return {ErrorCode::DeviceConnectionClosedRemotely, "Device unavailable", "the link ended", {}};
}

Result<std::chrono::seconds> timeout_of(const Json& body, const char* name, std::int64_t least,
                                        std::int64_t otherwise) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return std::chrono::seconds(otherwise);
  if (!found->is_number_integer()) return bad_request(std::string("'") + name + "' is not an integer");
  const std::int64_t seconds = found->get<std::int64_t>();
  if (seconds < least || seconds > kMaxMethodTimeoutSeconds) {
    return argument_invalid(std::string(name) + " must be within [" + std::to_string(least) + "; 300].");
  }
  return std::chrono::seconds(seconds);
}

std::string call_detail(const MethodCall& call) {
  return R"({"method":)" + dump(call.name) + R"(,"payload":)" + call.payload + "}";
}

std::string answer_detail(const std::string& method, const Result<MethodAnswer>& result) {
  Json detail{{"method", method}};
  if (result) {
    detail["status"] = result->status;
    detail["payload"] = result->payload;
  } else {
    detail["code"] = static_cast<int>(result.error().code);
    detail["message"] = result.error().message;
  }
  return dump(detail);
}

}  // namespace

Result<MethodCall> MethodCall::from_json(const Json& body) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  MethodCall call;
  const auto name = body.find("methodName");
  if (name == body.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return bad_request("'methodName' is missing or not a string");
  }
  call.name = name->get<std::string>();
  if (const auto payload = body.find("payload"); payload != body.end()) call.payload = dump(*payload);
  if (call.payload.size() > kMaxMethodPayloadBytes)
    return message_too_large(call.payload.size(), kMaxMethodPayloadBytes);

  const Result<std::chrono::seconds> response = timeout_of(body, "responseTimeoutInSeconds", 5, 30);
  if (!response) return response.error();
  const Result<std::chrono::seconds> connect = timeout_of(body, "connectTimeoutInSeconds", 0, 0);
  if (!connect) return connect.error();
  if (*connect > *response) {
    return argument_invalid("Device connection timeout " + clock_text(*connect) +
                            " cannot be longer than an overall call timeout " + clock_text(*response) + ".");
  }
  call.response_timeout = *response;
  call.connect_timeout = *connect;
  return call;
}

Methods::Methods(IdentityCache& identities, Links& links, Scheduler& scheduler, Observers& observers)
    : identities_(identities), links_(links), scheduler_(scheduler), observers_(observers) {}

Methods::~Methods() = default;

std::uint64_t Methods::invoke(const Identity& identity, MethodCall call, Done done) {
  const auto refuse = [&](HubError error) {
    done(std::move(error));
    return std::uint64_t{0};
  };
  const storage::IdentityRow* device = identities_.find({identity.device});
  if (device == nullptr) return refuse(device_not_found(identity.device));
  if (!device->enabled) {
    HubError error = device_not_found(identity.device);
    error.reason = "the device is disabled";
    return refuse(std::move(error));
  }
  if (identity.is_module() && identities_.find(identity) == nullptr) return refuse(module_not_found(identity));
  if (by_identity_.count(identity) >= kMaxMethodsInFlight) {
    return refuse({ErrorCode::DeviceMaximumInflightMethodExceeded, "Too many direct methods in flight", {}, {}});
  }

  const std::uint64_t id = ++last_id_;
  auto waiting = std::make_unique<Waiting>(scheduler_);
  waiting->identity = identity;
  waiting->call = std::move(call);
  waiting->done = std::move(done);
  Waiting& held = *waiting;
  calls_.emplace(id, std::move(waiting));
  by_identity_.emplace(identity, id);
  if (send(id, held)) return id;

  const std::chrono::seconds patience = held.call.connect_timeout;
  if (patience.count() == 0) {
    finish(id, not_online(patience));
    return 0;
  }
  held.timer.set(patience, [this, id, patience] { finish(id, not_online(patience)); });
  return id;
}

bool Methods::send(std::uint64_t id, Waiting& waiting) {
  DeviceLink* link = links_.find(waiting.identity);
  if (link == nullptr || !link->invoke_method({std::to_string(id), waiting.call.name, waiting.call.payload}))
    return false;
  waiting.sent = true;
  observers_.tell(Happening::method_invoked, waiting.identity, [&] { return call_detail(waiting.call); });
  waiting.timer.set(waiting.call.response_timeout, [this, id] { finish(id, no_answer()); });
  return true;
}

void Methods::finish(std::uint64_t id, Result<MethodAnswer> result) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const std::unique_ptr<Waiting> waiting = std::move(found->second);
  calls_.erase(found);
  const auto [first, last] = by_identity_.equal_range(waiting->identity);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second == id) {
      by_identity_.erase(entry);
      break;
    }
  }
  observers_.tell(result ? Happening::method_answered : Happening::method_failed, waiting->identity,
                  [&] { return answer_detail(waiting->call.name, result); });
  if (waiting->done) waiting->done(std::move(result));
}

void Methods::cancel(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second->done = nullptr;
  finish(id, MethodAnswer{});
}

bool Methods::answer(const Identity& identity, std::string_view request_id, int status, std::string_view payload) {
  std::uint64_t id = 0;
  const char* end = request_id.data() + request_id.size();
  const auto [stop, error] = std::from_chars(request_id.data(), end, id);
  if (error != std::errc{} || stop != end) return false;
  const auto found = calls_.find(id);
  // The identity is compared, so that no device can answer for another.
  if (found == calls_.end() || !found->second->sent || found->second->identity != identity) return false;

  if (payload.size() > kMaxMethodPayloadBytes) {
    finish(id, HubError{ErrorCode::BadDeviceResponse, "Bad device response", "the answer has more than 128 KB", {}});
    return true;
  }
  if (payload.empty()) {
    finish(id, MethodAnswer{status, nullptr});
    return true;
  }
  Result<Json> json = parse_json(payload);
  if (json) {
    finish(id, MethodAnswer{status, std::move(*json)});
  } else {
    finish(id, HubError{ErrorCode::BadDeviceResponse, "Bad device response", json.error().reason, {}});
  }
  return true;
}

void Methods::link_ready(const Identity& identity) {
  const auto [first, last] = by_identity_.equal_range(identity);
  std::vector<std::uint64_t> ids;
  for (auto entry = first; entry != last; ++entry) ids.push_back(entry->second);
  for (const std::uint64_t id : ids) {
    const auto found = calls_.find(id);
    if (found != calls_.end() && !found->second->sent) send(id, *found->second);
  }
}

void Methods::link_gone(const Identity& identity) {
  const auto [first, last] = by_identity_.equal_range(identity);
  std::vector<std::uint64_t> ids;
  for (auto entry = first; entry != last; ++entry) ids.push_back(entry->second);
  for (const std::uint64_t id : ids) {
    const auto found = calls_.find(id);
    if (found != calls_.end() && found->second->sent) finish(id, device_left());
  }
}

}  // namespace iothub::hub
