#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "emulator/hub/auth.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/configurations.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/routing/routing.h"
#include "emulator/hub/settings.h"
#include "emulator/seed/seed.h"
#include "emulator/seed/seed_devices.h"
#include "protocol/text/base64.h"
#include "protocol/text/utf8.h"

namespace iothub::seed {
namespace {

using hub::Identity;
using hub::Json;

constexpr std::int64_t kSlice = 500;

Json rights_json(hub::Rights rights) {
  Json list = Json::array();
  if (includes(rights, hub::Rights::registry_write)) {
    list.push_back("RegistryWrite");
  } else if (includes(rights, hub::Rights::registry_read)) {
    list.push_back("RegistryRead");
  }
  if (includes(rights, hub::Rights::service_connect)) list.push_back("ServiceConnect");
  if (includes(rights, hub::Rights::device_connect)) list.push_back("DeviceConnect");
  return list;
}

Json policies_json(const std::vector<hub::Policy>& policies) {
  Json list = Json::array();
  for (const hub::Policy& policy : policies) {
    list.push_back({{"name", policy.name},
                    {"rights", rights_json(policy.rights)},
                    {"primaryKey", policy.primary_key},
                    {"secondaryKey", policy.secondary_key}});
  }
  return list;
}

/// Those that the hub was started with have no name here: they get one.
Json device_cas_json(hub::Hub& hub) {
  Json list = Json::array();
  std::set<std::string> named;
  for (const auto& [name, pem] : hub.settings().device_cas()) {
    list.push_back({{"name", name}, {"certificate", pem}});
    named.insert(pem);
  }
  for (const std::string& pem : hub.auth().device_cas()) {
    if (!named.insert(pem).second) continue;
    list.push_back({{"name", "device-ca-" + std::to_string(list.size() + 1)}, {"certificate", pem}});
  }
  return list;
}

Json configurations_json(hub::Hub& hub) {
  Json list = Json::array();
  for (const Json& each : hub.configurations().list()) {
    Json json = {{"id", each.at("id")}};
    for (const char* name : {"schemaVersion", "labels"}) {
      if (!each.at(name).is_null()) json[name] = each.at(name);
    }
    json["content"] = each.at("content");
    json["targetCondition"] = each.at("targetCondition");
    json["priority"] = each.at("priority");
    json["metrics"] = {{"queries", each.at("metrics").at("queries")}};
    list.push_back(std::move(json));
  }
  return list;
}

Json authentication_json(const storage::IdentityRow& row) {
  Json json = {{"type", row.authentication_type}};
  if (row.primary_key) json["symmetricKey"] = {{"primaryKey", *row.primary_key}, {"secondaryKey", *row.secondary_key}};
  if (row.primary_thumbprint) json["x509Thumbprint"]["primaryThumbprint"] = *row.primary_thumbprint;
  if (row.secondary_thumbprint) json["x509Thumbprint"]["secondaryThumbprint"] = *row.secondary_thumbprint;
  return json;
}

void add_twin(Json& json, hub::Hub& hub, const Identity& identity) {
  const hub::Twin& twin = *hub.twins().get(identity).value().twin;
  if (!twin.tags.empty()) json["tags"] = twin.tags;
  if (!twin.desired.values.empty()) json["properties"]["desired"] = twin.desired.values;
  if (!twin.reported.values.empty()) json["properties"]["reported"] = twin.reported.values;
  if (!twin.model_id.empty()) json["modelId"] = twin.model_id;
}

/// The device whose scope it is, by a look into the registry: one that is gone or was made anew has another.
std::optional<std::string> parent_by(hub::Hub& hub, const std::string& scope) {
  std::optional<std::string> parent = device_of_scope(scope);
  if (!parent) return std::nullopt;
  const storage::IdentityRow* edge = hub.registry().find({{*parent}});
  return edge != nullptr && edge->device_scope == scope ? parent : std::nullopt;
}

void add_parent(Json& json, hub::Hub& hub, const storage::IdentityRow& row) {
  if (!row.iot_edge) {
    if (!row.device_scope) return;
    if (const auto parent = parent_by(hub, *row.device_scope)) {
      json["parent"] = *parent;
    } else {
      json["deviceScope"] = *row.device_scope;
    }
    return;
  }
  if (row.parent_scopes.empty()) return;
  const Json scopes = Json::parse(row.parent_scopes);
  const auto parent = scopes.size() == 1 ? parent_by(hub, scopes.front().get<std::string>()) : std::nullopt;
  if (parent) {
    json["parent"] = *parent;
  } else {
    json["parentScopes"] = scopes;
  }
}

Json module_json(hub::Hub& hub, const storage::IdentityRow& row) {
  Json json = {{"moduleId", row.module_id}};
  if (!row.module_id.starts_with('$')) {
    if (row.managed_by) json["managedBy"] = *row.managed_by;
    json["authentication"] = authentication_json(row);
  }
  add_twin(json, hub, {{row.device_id}, {row.module_id}});
  return json;
}

Json device_json(hub::Hub& hub, const storage::IdentityRow& row) {
  Json json = {{"deviceId", row.device_id}, {"status", row.enabled ? "enabled" : "disabled"}};
  if (row.status_reason) json["statusReason"] = *row.status_reason;
  json["authentication"] = authentication_json(row);
  if (row.iot_edge) json["capabilities"] = {{"iotEdge", true}};
  add_parent(json, hub, row);
  if (!row.attributes.empty()) json["attributes"] = Json::parse(row.attributes);
  add_twin(json, hub, {{row.device_id}});
  return json;
}

bool is_utf8_text(const std::string& bytes) {
  return bytes.find('\0') == bytes.npos && text::is_utf8(bytes);
}

void add_messages(Json& list, hub::Hub& hub, const Identity& identity) {
  for (const hub::C2dMessage& message : hub.c2d().queued(identity)) {
    Json json = {{"deviceId", identity.device.value}};
    if (identity.is_module()) json["moduleId"] = identity.module.value;
    const auto add = [&](const char* name, const std::string& text) {
      if (!text.empty()) json[name] = text;
    };
    add("messageId", message.message_id);
    add("correlationId", message.correlation_id);
    add("userId", message.user_id);
    add("to", message.to);
    add("contentType", message.content_type);
    add("contentEncoding", message.content_encoding);
    if (message.expiry) json["expiryTimeUtc"] = text::iso_time(*message.expiry);
    if (message.ack != hub::C2dMessage::Ack::none) json["ack"] = to_string(message.ack);
    for (const auto& [name, value] : message.properties) json["properties"][name] = value;
    if (is_utf8_text(message.body)) {
      json["body"] = message.body;
    } else {
      json["bodyBase64"] = text::base64_encode(message.body);
    }
    list.push_back(std::move(json));
  }
}

std::vector<storage::IdentityRow> all(hub::Hub& hub, storage::Store::Kind kind) {
  std::vector<storage::IdentityRow> rows;
  for (Identity after;;) {
    std::vector<storage::IdentityRow> slice = hub.registry().identities_after(kind, after, kSlice);
    if (slice.empty()) return rows;
    after = {{slice.back().device_id}, {slice.back().module_id}};
    std::move(slice.begin(), slice.end(), std::back_inserter(rows));
  }
}

}  // namespace

Json export_hub(hub::Hub& hub) {
  std::map<std::string, std::vector<storage::IdentityRow>> modules;
  for (storage::IdentityRow& row : all(hub, storage::Store::Kind::modules)) {
    modules[row.device_id].push_back(std::move(row));
  }
  Json devices = Json::array(), messages = Json::array();
  for (const storage::IdentityRow& row : all(hub, storage::Store::Kind::devices)) {
    Json device = device_json(hub, row);
    add_messages(messages, hub, {{row.device_id}});
    Json list = Json::array();
    for (const storage::IdentityRow& module : modules[row.device_id]) {
      Json json = module_json(hub, module);
      // The hub's own modules come with their device: only what stands in their twins is told.
      if (!module.module_id.starts_with('$') || json.size() > 1) list.push_back(std::move(json));
      add_messages(messages, hub, {{row.device_id}, {module.module_id}});
    }
    if (!list.empty()) device["modules"] = std::move(list);
    devices.push_back(std::move(device));
  }

  Json seed = {{"policies", policies_json(hub.auth().policies())}};
  if (Json cas = device_cas_json(hub); !cas.empty()) seed["deviceCas"] = std::move(cas);
  if (!hub.routing().text().empty()) seed["routing"] = Json::parse(hub.routing().text());
  const std::vector<std::string> groups = hub.events().consumer_groups().list();
  if (groups.size() > 1) seed["consumerGroups"] = Json(std::vector<std::string>(groups.begin() + 1, groups.end()));
  if (Json configurations = configurations_json(hub); !configurations.empty()) {
    seed["configurations"] = std::move(configurations);
  }
  if (!devices.empty()) seed["devices"] = std::move(devices);
  if (!messages.empty()) seed["cloudToDeviceMessages"] = std::move(messages);
  return seed;
}

}  // namespace iothub::seed
