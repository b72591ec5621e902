#include "emulator/hub/bulk.h"

#include <set>

#include "emulator/hub/identity_json.h"
#include "emulator/hub/limits.h"
#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

struct Mode {
  std::string_view name;
  bool creates;
  bool updates;
  bool deletes;
  bool twin_only;
  bool if_match;
};
constexpr Mode kModes[] = {
    {"createOrUpdate", true, true, false, false, false},
    {"create", true, false, false, false, false},
    {"update", false, true, false, false, false},
    {"updateIfMatchETag", false, true, false, false, true},
    {"createOrUpdateIfMatchETag", true, true, false, false, true},
    {"delete", false, false, true, false, false},
    {"deleteIfMatchETag", false, false, true, false, true},
    {"updateTwin", false, false, false, true, false},
    {"updateTwinIfMatchETag", false, false, false, true, true},
};

/// Text member of an entry; empty when absent, null or something else.
std::string text_of(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The identity's etag, as `eTag` (Python, C#) or `etag` (Node passes on the device it read, azure-iothub 1.16.6).
std::string etag_of(const Json& entry) {
  const std::string etag = text_of(entry, "eTag");
  return etag.empty() ? text_of(entry, "etag") : etag;
}

/// A missing etag in an IfMatch mode matches anything (recorded: deleteIfMatchETag without eTag deletes).
IfMatch match(const Mode& mode, const std::string& etag) {
  const IfMatch given = IfMatch::parse(etag);
  return mode.if_match && !given.is_none() ? given : IfMatch::any();
}

bool has_twin_part(const Json& entry) {
  const auto filled = [&](const char* name) {
    const auto found = entry.find(name);
    return found != entry.end() && found->is_object() && !found->empty();
  };
  return filled("tags") || filled("properties");
}

Json warning_entry(const Identity& identity, const HubError& error) {
  return {{"deviceId", identity.device.value},
          {"warningCode", "DeviceRegisteredWithoutTwin"},
          {"warningStatus", error.message}};
}

/// Null for a name that is none.
const Mode* mode_of(const Json& entry) {
  const std::string said = text_of(entry, "importMode");
  if (said.empty()) return &kModes[0];
  for (const Mode& row : kModes) {
    if (text::equals_ignoring_case(row.name, said)) return &row;
  }
  return nullptr;
}

Result<void> run_entry(Registry& registry, Twins& twins, const Json& entry, const Identity& identity, Json& warnings) {
  const Mode* mode = mode_of(entry);
  if (mode == nullptr) return argument_invalid("Invalid importMode '" + text_of(entry, "importMode") + "'");

  if (mode->deletes) return registry.remove(identity, match(*mode, etag_of(entry)));
  if (mode->twin_only) {
    const Result<TwinView> patched = twins.patch(identity, entry, match(*mode, text_of(entry, "twinETag")));
    if (!patched) return patched.error();
    return {};
  }

  const Result<IdentityWrite> write = identity_from_json(entry, identity);
  if (!write) return write.error();
  const bool exists = registry.get(identity).has_value();
  const bool creating = exists ? !mode->updates : mode->creates;
  if (creating) {
    const Result<Twin> twin = twins.begin(identity, entry);
    const Result<IdentityView> created = registry.put(identity, *write, IfMatch::none(), twin ? &*twin : nullptr);
    if (!created) return created.error();
    // The identity is there: the service has a warning for just this (Swagger, BulkRegistryOperationResult).
    if (!twin) warnings.push_back(warning_entry(identity, twin.error()));
    return {};
  }
  const Result<IdentityView> updated = registry.put(identity, *write, match(*mode, etag_of(entry)));
  if (!updated) return updated.error();
  if (has_twin_part(entry)) {
    const Result<TwinView> patched = twins.patch(identity, entry, IfMatch::any());
    if (!patched) return patched.error();
  }
  return {};
}

Json error_entry(const Identity& identity, const HubError& error) {
  Json json = {{"deviceId", identity.device.value}};
  if (identity.is_module()) json["moduleId"] = identity.module.value;
  json["errorCode"] = static_cast<int>(error.code);
  json["errorStatus"] = error.message;
  return json;
}

Identity identity_of(const Json& entry) {
  return {{text_of(entry, "id")}, {text_of(entry, "moduleId")}};
}

HubError too_many_entries() {
  return {ErrorCode::TooManyDevices, "Too many devices in one request", "a bulk request holds at most 100 entries", {}};
}

}  // namespace

Result<Json> run_bulk(Registry& registry, Twins& twins, const Json& entries) {
  if (!entries.is_array()) return bad_request("the body is not a JSON array");
  if (entries.size() > kMaxBulkEntries) return too_many_entries();
  // Ten modules of one device were made by one request (recorded in 2021); writes of twins are refused for that (seen
  // in 2025, azure-iot-sdk-csharp #3481).
  std::set<Identity> identities;
  std::set<std::string> twin_writes;
  for (const Json& entry : entries) {
    if (!entry.is_object()) return bad_request("an entry is not a JSON object");
    const std::string id = text_of(entry, "id");
    if (id.empty()) return bad_request("an entry has no id");
    const Mode* mode = mode_of(entry);
    const bool is_twin_write = mode != nullptr && mode->twin_only;
    const bool first = is_twin_write ? twin_writes.insert(id).second : identities.insert(identity_of(entry)).second;
    if (!first) {
      return HubError{ErrorCode::DeviceDefinedMultipleTimes, "DeviceDefinedMultipleTimes, device ID " + id, {}, {}};
    }
  }

  Json errors = Json::array();
  Json warnings = Json::array();
  for (const Json& entry : entries) {
    if (const Result<void> done = run_bulk_entry(registry, twins, entry, warnings); !done) {
      errors.push_back(bulk_error(entry, done.error()));
    }
  }
  return Json{{"isSuccessful", errors.empty()}, {"errors", errors}, {"warnings", warnings}};
}

Result<void> run_bulk_entry(Registry& registry, Twins& twins, const Json& entry, Json& warnings) {
  return run_entry(registry, twins, entry, identity_of(entry), warnings);
}

Json bulk_error(const Json& entry, const HubError& error) {
  return error_entry(identity_of(entry), error);
}

Result<Regeneration> regenerate_keys(Registry& registry, const Json& body) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  const std::string which = text_of(body, "policyKey");
  const bool both = text::equals_ignoring_case(which, "both");
  const bool primary = both || text::equals_ignoring_case(which, "primaryKey");
  const bool secondary = both || text::equals_ignoring_case(which, "secondaryKey");
  if (!primary && !secondary)
    return HubError{ErrorCode::InvalidPolicyKey, "InvalidPolicyKey", "'policyKey' is '" + which + "'", {}};
  const auto devices = body.find("devices");
  if (devices == body.end() || !devices->is_array()) return bad_request("'devices' is not a JSON array");
  if (devices->size() > kMaxBulkEntries) return too_many_entries();

  Json rotated = Json::array();
  Json errors = Json::array();
  for (const Json& entry : *devices) {
    if (!entry.is_object() || text_of(entry, "id").empty()) return bad_request("an entry of 'devices' has no id");
    const Identity identity{{text_of(entry, "id")}, {text_of(entry, "moduleId")}};
    const Json module_id = identity.is_module() ? Json(identity.module.value) : Json(nullptr);
    const Result<IdentityView> done = registry.regenerate_keys(identity, primary, secondary);
    if (done) {
      rotated.push_back({{"id", identity.device.value},
                         {"moduleId", module_id},
                         {"primaryKey", *done->row.primary_key},
                         {"secondaryKey", *done->row.secondary_key}});
    } else {
      errors.push_back({{"id", identity.device.value},
                        {"moduleId", module_id},
                        {"errorCode", static_cast<int>(done.error().code)},
                        {"errorStatus", done.error().message}});
    }
  }
  Regeneration regeneration;
  regeneration.http_status = errors.empty() ? 200 : rotated.empty() ? 400 : 207;
  regeneration.body = {{"policyKey", which}, {"rotatedKeys", std::move(rotated)}, {"errors", std::move(errors)}};
  return regeneration;
}

}  // namespace iothub::hub
