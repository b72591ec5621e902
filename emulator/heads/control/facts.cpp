/// What the hub is and has: the control API's plain questions.
#include <set>
#include <string>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/metrics_text.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/heads/wire.h"

namespace iothub::heads::control {

using hub::Json;

void get_health(const Request& request) {
  request.answer({{"status", "up"},
                  {"hub", request.hub.host_name()},
                  {"version", request.control.actions().version()},
                  {"time", text::iso_time(request.hub.clock().now())}});
}

/// The ports are opened last, so who is answered at all is answered by a hub that is ready.
void get_ready(const Request& request) {
  request.answer({{"ready", true}, {"hub", request.hub.host_name()}});
}

void get_version(const Request& request) {
  request.answer({{"version", request.control.actions().version()}});
}

void get_ca_pem(const Request& request) {
  request.answer_text(request.control.actions().ca_pem(), "application/x-pem-file");
}

namespace {

/// The connections that no device speaks on: of service and Event Hubs clients, and those that have not said who they
/// are.
Json clients(const Request& request) {
  std::set<std::string> of_devices;
  for (const hub::ConnectedLink& link : request.hub.links().connected()) of_devices.insert(link.peer.connection);
  Json clients = Json::array();
  for (const OpenConnection& each : request.control.actions().connections().all()) {
    if ((each.hub != nullptr && each.hub != &request.hub) || of_devices.contains(each.id)) continue;
    clients.push_back({{"connection", each.id}, {"protocol", each.protocol}, {"address", each.address}});
  }
  return clients;
}

}  // namespace

void get_connections(const Request& request) {
  Json connections = Json::array();
  for (const hub::ConnectedLink& link : request.hub.links().connected()) {
    Json& each = connections.emplace_back();
    each["device"] = link.identity.device.value;
    if (link.identity.is_module()) each["module"] = link.identity.module.value;
    each["protocol"] = link.peer.protocol;
    each["address"] = link.peer.address;
    each["connection"] = link.peer.connection;
    each["since"] = text::iso_time(link.since);
    each["lastActivity"] = text::iso_time(link.last_activity);
  }
  request.answer({{"connections", connections}, {"clients", clients(request)}});
}

void get_connection_strings(const Request& request) {
  const Actions& actions = request.control.actions();
  const std::optional<hub::Identity> identity = request.identity();
  if (!identity) return request.answer(actions.connection_strings(request.hub));
  const hub::Result<hub::IdentityView> view = request.hub.registry().get(*identity);
  if (!view) return request.refuse(view.error());
  if (!view->row.primary_key) {
    return request.refuse(hub::argument_invalid("'" + identity->name() + "' has no key: it connects by certificate"));
  }
  request.answer(
      {{"connectionString", actions.device_connection_string(request.hub, *identity, *view->row.primary_key)}});
}

void get_metrics(const Request& request) {
  Control& control = request.control;
  request.answer_text(metrics_text(control.hubs(), control.actions().resident_bytes()),
                      "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace iothub::heads::control
