#include "emulator/hub/twin_json.h"

namespace iothub::hub {
namespace {

Json nullable(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

Json section_to_json(const TwinProperties& properties) {
  Json json = properties.values;
  json["$metadata"] = properties.metadata;
  json["$version"] = properties.version;
  return json;
}

Json device_section(const TwinProperties& properties) {
  Json json = properties.values;
  json["$version"] = properties.version;
  return json;
}

Json to_json(const TwinView& view, bool with_capabilities) {
  const Twin& twin = *view.twin;
  const storage::IdentityRow& identity = *view.identity;
  Json json;
  json["deviceId"] = identity.device_id;
  if (!identity.module_id.empty()) json["moduleId"] = identity.module_id;
  json["etag"] = twin_etag(twin.etag);
  json["deviceEtag"] = identity_etag(identity.etag);
  json["status"] = identity.enabled ? "enabled" : "disabled";
  if (identity.status_reason) json["statusReason"] = *identity.status_reason;
  json["statusUpdateTime"] = text::iso_time({identity.status_updated_time});
  json["connectionState"] = view.link.connected ? "Connected" : "Disconnected";
  json["lastActivityTime"] = text::iso_time(view.link.last_activity);
  json["cloudToDeviceMessageCount"] = view.cloud_to_device_message_count;
  json["authenticationType"] = identity.authentication_type;
  // Recorded in lower case without thumbprints, probed with capitals where there is one.
  const bool has_one = identity.primary_thumbprint || identity.secondary_thumbprint;
  json["x509Thumbprint"] = {
      {has_one ? "PrimaryThumbprint" : "primaryThumbprint", nullable(identity.primary_thumbprint)},
      {has_one ? "SecondaryThumbprint" : "secondaryThumbprint", nullable(identity.secondary_thumbprint)}};
  json["modelId"] = twin.model_id;
  json["version"] = twin.version;
  if (!twin.tags.empty()) json["tags"] = twin.tags;
  json["properties"] = {{"desired", section_to_json(twin.desired)}, {"reported", section_to_json(twin.reported)}};
  if (!twin.configurations.empty()) json["configurations"] = twin.configurations;
  if (with_capabilities) json["capabilities"] = {{"iotEdge", identity.iot_edge}};
  if (identity.device_scope) json["deviceScope"] = *identity.device_scope;
  if (!identity.parent_scopes.empty()) json["parentScopes"] = Json::parse(identity.parent_scopes);
  return json;
}

}  // namespace

Json twin_to_json(const TwinView& view) {
  return to_json(view, view.identity->module_id.empty());
}

Json twin_row_to_json(const TwinView& view) {
  return to_json(view, true);
}

std::string device_twin_text(const Twin& twin) {
  return dump({{"desired", device_section(twin.desired)}, {"reported", device_section(twin.reported)}});
}

}  // namespace iothub::hub
