#include "emulator/heads/control/control.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "emulator/heads/control/guard.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/host_name.h"

namespace iothub::heads::control {
namespace {

using hub::ErrorCode;
using hub::HubError;

constexpr std::string_view kRoot = "_emulator";

// clang-format off
constexpr auto kOperations = std::to_array<Operation>({
    {"GET",    "health",              get_health, true},
    {"GET",    "ready",               get_ready, true},
    {"GET",    "version",             get_version, true},
    {"GET",    "ca.pem",              get_ca_pem, true},
    {"GET",    "connections",         get_connections},
    {"GET",    "connection-strings",  get_connection_strings},
    {"GET",    "metrics",             get_metrics},
    {"GET",    "messages",            get_messages},
    {"GET",    "events",              get_events},
    {"GET",    "protocol",            get_protocol},
    {"POST",   "reset",               post_reset},
    {"GET",    "snapshots",           list_snapshots},
    {"PUT",    "snapshots/{name}",    save_snapshot},
    {"DELETE", "snapshots/{name}",    remove_snapshot},
    {"POST",   "snapshots/{name}/restore", restore_snapshot},
    {"POST",   "snapshots/{name}/fork", fork_snapshot},
    {"GET",    "clock",               get_clock},
    {"POST",   "clock/freeze",        freeze_clock},
    {"POST",   "clock/advance",       advance_clock},
    {"POST",   "clock/set",           set_clock},
    {"POST",   "clock/resume",        resume_clock},
    {"GET",    "faults",              list_faults},
    {"POST",   "faults",              add_fault},
    {"DELETE", "faults",              remove_faults},
    {"DELETE", "faults/{id}",         remove_fault},
    {"GET",    "explain",             get_explain},
    {"POST",   "explain/query",       explain_query},
    {"POST",   "explain/route",       explain_route},
    {"POST",   "explain/configuration", explain_configuration},
    {"GET",    "routing",             get_routing},
    {"PUT",    "routing",             put_routing},
    {"GET",    "devices/{device}/c2d", look_at_device_queue},
    {"POST",   "devices/{device}/c2d", send_to_device},
    {"GET",    "devices/{device}/modules/{module}/c2d", look_at_module_queue},
    {"POST",   "devices/{device}/modules/{module}/c2d", send_to_module},
    {"GET",    "feedback",            list_feedback},
    {"GET",    "hubs",                list_hubs},
    {"POST",   "hubs",                add_hub},
    {"DELETE", "hubs/{name}",         remove_hub},
    {"GET",    "simulations",         list_simulations},
    {"POST",   "simulations",         start_simulation},
    {"DELETE", "simulations/{id}",    remove_simulation},
    {"GET",    "scenario-runs",       list_scenario_runs},
    {"PUT",    "scenario-runs/{run}", put_scenario_run},
    {"GET",    "seed",                get_seed},
    {"POST",   "seed",                post_seed},
    {"POST",   "seed/diff",           diff_seed},
});
// clang-format on

/// What the pattern's placeholders take from the segments behind the root; nothing when it does not fit.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::span<const std::string> segments) {
  std::vector<std::string> ids;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view word = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(word.size() + 1, pattern.size()));
    if (word.starts_with('{') && !segment.empty()) {
      ids.push_back(segment);
    } else if (word != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return ids;
}

struct Found {
  const Operation* operation = nullptr;
  std::vector<std::string> ids;
  std::string allowed;  ///< the path's methods
};

Found find(const http::Request& request, const http::Target& target) {
  Found found;
  if (target.segments.empty() || target.segments.front() != kRoot) return found;
  for (const Operation& operation : operations()) {
    auto ids = match(operation.pattern, std::span(target.segments).subspan(1));
    if (!ids) continue;
    if (operation.method == request.method) return {&operation, std::move(*ids), {}};
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(operation.method);
  }
  return found;
}

/// By its name alone: a loopback address that no hub has is not the default hub here.
hub::Hub* find_named(const hub::HubDirectory& hubs, std::string_view name) {
  for (hub::Hub* hub : hubs.all()) {
    const auto& names = hub->host_names();
    const auto is_it = [&name](const std::string& each) { return hub::bare_host(each) == hub::bare_host(name); };
    if (std::any_of(names.begin(), names.end(), is_it)) return hub;
  }
  return nullptr;
}

}  // namespace

std::span<const Operation> operations() {
  return kOperations;
}

Control::Control(hub::HubDirectory& hubs, hub::Scheduler& scheduler, const hub::Clock& wall_clock, Actions& actions,
                 Options options)
    : hubs_(hubs), scheduler_(scheduler), wall_clock_(wall_clock), actions_(actions), options_(std::move(options)) {}

Control::~Control() = default;

hub::Result<void> Control::admit(const HttpExchange& exchange) {
  return control::admit(exchange, options_.token, false);
}

void Control::serve(std::shared_ptr<HttpExchange> exchange) {
  if (exchange->target.segments.empty() || exchange->target.segments.front() != kRoot) {
    return serve_portal(*exchange, actions_);
  }
  Found found = find(exchange->request, exchange->target);
  const bool open = found.operation != nullptr && found.operation->open;
  const auto refuse = [&exchange](const HubError& error, http::Headers headers = {}) {
    spdlog::info("control {}: {} {} refused: {}", exchange->peer.connection_id, exchange->request.method,
                 exchange->target.path(), error.message);
    http::Response response = error_response(error);
    for (http::Header& header : headers) response.headers.push_back(std::move(header));
    exchange->answer(std::move(response));
  };
  if (const auto admitted = control::admit(*exchange, options_.token, open); !admitted) {
    const bool wants_token = admitted.error().code == ErrorCode::ControlUnauthorized;
    return refuse(admitted.error(), wants_token ? http::Headers{{"WWW-Authenticate", "Bearer"}} : http::Headers{});
  }
  if (found.operation == nullptr) {
    if (found.allowed.empty()) return refuse({ErrorCode::GenericNotFound, "there is no such path", {}, {}});
    return refuse({ErrorCode::GenericMethodNotAllowed, "the path knows " + found.allowed, {}, {}},
                  {{"Allow", found.allowed}});
  }
  hub::Hub* hub = exchange->hub;
  if (const std::string* named = exchange->target.parameter("hub"); named != nullptr) {
    hub = find_named(hubs_, *named);
    if (hub == nullptr) return refuse({ErrorCode::GenericNotFound, "no hub here is called '" + *named + "'", {}, {}});
  }
  found.operation->run({*this, *hub, std::move(exchange), std::move(found.ids)});
}

void Control::end_waiters(const hub::Hub& hub, std::string_view reason) {
  const auto waiters = waiters_;  // each leaves the set as it ends
  for (const auto& waiter : waiters) {
    if (&waiter->hub() == &hub) waiter->end(reason);
  }
}

}  // namespace iothub::heads::control
