#include "emulator/hub/identity_json.h"

#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

Json nullable(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

/// A creation's answer writes "never" without a zone, every later one with Z (recorded).
std::string time_text(Timestamp time, bool created) {
  return created && time.ticks == 0 ? text::iso_time_without_zone(time) : text::iso_time(time);
}

/// `symmetricKey`, `x509Thumbprint`, `type`, in this order: the C# SDK's setters make the last one win.
Json authentication_to_json(const storage::IdentityRow& row) {
  return {{"symmetricKey", {{"primaryKey", nullable(row.primary_key)}, {"secondaryKey", nullable(row.secondary_key)}}},
          {"x509Thumbprint",
           {{"primaryThumbprint", nullable(row.primary_thumbprint)},
            {"secondaryThumbprint", nullable(row.secondary_thumbprint)}}},
          {"type", row.authentication_type}};
}

void add_link(Json& json, const IdentityView& view) {
  json["connectionState"] = view.link.connected ? "Connected" : "Disconnected";
}

/// Reads one request body: the first thing wrong is kept, and everything after it reads as absent.
class Reader {
 public:
  explicit Reader(const Json& body) : body_(body) {}

  /// Null where the member is absent or null.
  const Json* member(const Json* object, const char* name, Json::value_t type) {
    if (object == nullptr || problem) return nullptr;
    const auto found = object->find(name);
    if (found == object->end() || found->is_null()) return nullptr;
    if (found->type() != type) {
      problem = std::string("'") + name + "' has the wrong JSON type";
      return nullptr;
    }
    return &*found;
  }
  const Json* object(const Json* parent, const char* name) { return member(parent, name, Json::value_t::object); }
  std::optional<std::string> text(const Json* parent, const char* name) {
    const Json* value = member(parent, name, Json::value_t::string);
    return value == nullptr ? std::nullopt : std::optional(value->get<std::string>());
  }
  /// Empty strings count as not given: node and Python send them to ask for generated keys.
  std::optional<std::string> filled_text(const Json* parent, const char* name) {
    std::optional<std::string> value = text(parent, name);
    return value && value->empty() ? std::nullopt : value;
  }
  const Json& body() const { return body_; }

  std::optional<std::string> problem;

 private:
  const Json& body_;
};

std::optional<std::string> canonical_authentication_type(std::string_view type) {
  for (const std::string_view known : {"sas", "selfSigned", "certificateAuthority", "none"}) {
    if (text::equals_ignoring_case(type, known)) return std::string(known);
  }
  return std::nullopt;
}

}  // namespace

Json device_to_json(const IdentityView& device) {
  const storage::IdentityRow& row = device.row;
  Json json;
  json["deviceId"] = row.device_id;
  json["generationId"] = row.generation_id;
  json["etag"] = identity_etag(row.etag);
  add_link(json, device);
  json["status"] = row.enabled ? "enabled" : "disabled";
  json["statusReason"] = nullable(row.status_reason);
  json["connectionStateUpdatedTime"] = time_text(device.link.connection_state_updated, device.created);
  json["statusUpdatedTime"] = time_text({row.status_updated_time}, device.created);
  json["lastActivityTime"] = time_text(device.link.last_activity, device.created);
  json["cloudToDeviceMessageCount"] = device.cloud_to_device_message_count;
  json["authentication"] = authentication_to_json(row);
  json["capabilities"] = {{"iotEdge", row.iot_edge}};
  if (row.device_scope) json["deviceScope"] = *row.device_scope;
  if (!row.parent_scopes.empty()) json["parentScopes"] = Json::parse(row.parent_scopes);
  if (!row.attributes.empty()) json["attributes"] = Json::parse(row.attributes);
  return json;
}

Json module_to_json(const IdentityView& module) {
  const storage::IdentityRow& row = module.row;
  Json json;
  json["moduleId"] = row.module_id;
  json["managedBy"] = nullable(row.managed_by);
  json["deviceId"] = row.device_id;
  json["generationId"] = row.generation_id;
  json["etag"] = identity_etag(row.etag);
  add_link(json, module);
  json["connectionStateUpdatedTime"] = time_text(module.link.connection_state_updated, module.created);
  json["lastActivityTime"] = time_text(module.link.last_activity, module.created);
  json["cloudToDeviceMessageCount"] = module.cloud_to_device_message_count;
  json["authentication"] = authentication_to_json(row);
  return json;
}

Json identity_to_json(const IdentityView& identity) {
  return identity.row.module_id.empty() ? device_to_json(identity) : module_to_json(identity);
}

Result<IdentityWrite> identity_from_json(const Json& body, const Identity& identity) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  Reader read(body);
  if (const auto id = read.text(&body, "deviceId"); id && *id != identity.device.value) {
    return bad_request("the body's deviceId '" + *id + "' is not the path's '" + identity.device.value + "'");
  }
  if (identity.is_module()) {
    if (const auto id = read.text(&body, "moduleId"); id && *id != identity.module.value) {
      return bad_request("the body's moduleId '" + *id + "' is not the path's '" + identity.module.value + "'");
    }
  }

  IdentityWrite write;
  if (const auto status = read.text(&body, "status")) {
    write.enabled = text::equals_ignoring_case(*status, "enabled");
    if (!write.enabled && !text::equals_ignoring_case(*status, "disabled")) {
      return bad_request("'status' is neither enabled nor disabled");
    }
  }
  write.status_reason = read.text(&body, "statusReason");
  write.managed_by = read.text(&body, "managedBy");
  write.device_scope = read.filled_text(&body, "deviceScope");
  if (const Json* scopes = read.member(&body, "parentScopes", Json::value_t::array)) {
    for (const Json& scope : *scopes) {
      if (!scope.is_string()) return bad_request("'parentScopes' holds something other than strings");
      write.parent_scopes.push_back(scope.get<std::string>());
    }
  }
  if (const Json* attributes = read.object(&body, "attributes")) write.attributes = dump(*attributes);
  if (const Json* edge = read.member(read.object(&body, "capabilities"), "iotEdge", Json::value_t::boolean)) {
    write.iot_edge = edge->get<bool>();
  }

  const Json* authentication = read.object(&body, "authentication");
  if (const auto type = read.filled_text(authentication, "type")) {
    const std::optional<std::string> known = canonical_authentication_type(*type);
    if (!known) return bad_request("'authentication.type' is none of sas, selfSigned, certificateAuthority, none");
    write.authentication_type = *known;
  }
  const Json* keys = read.object(authentication, "symmetricKey");
  write.primary_key = read.filled_text(keys, "primaryKey");
  write.secondary_key = read.filled_text(keys, "secondaryKey");
  const Json* thumbprints = read.object(authentication, "x509Thumbprint");
  write.primary_thumbprint = read.filled_text(thumbprints, "primaryThumbprint");
  write.secondary_thumbprint = read.filled_text(thumbprints, "secondaryThumbprint");

  if (read.problem) return bad_request(*read.problem);
  return write;
}

}  // namespace iothub::hub
