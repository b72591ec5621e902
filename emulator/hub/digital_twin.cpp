#include "emulator/hub/digital_twin.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

constexpr std::size_t kMaxNameLength = 64;  // DTDL v2
constexpr int kMaxDepth = 5;                // DTDL v2: nesting of property values

bool is_component(const Json& value) {
  if (!value.is_object()) return false;
  const auto mark = value.find("__t");
  return mark != value.end() && *mark == "c";
}

/// A device answers a writable property with `{value, ac, av, ad?}` (IoT Plug and Play conventions).
bool is_acknowledgement(const Json& value) {
  return value.is_object() && value.contains("value") && value.contains("ac") && value.contains("av");
}

const Json* member(const Json* object, const std::string& name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

/// One level of the document: the root, or a component. Null where a side has no such component.
struct Level {
  const Json* reported = nullptr;
  const Json* reported_metadata = nullptr;
  const Json* desired = nullptr;
  const Json* desired_metadata = nullptr;

  Level below(const std::string& name) const {
    return {member(reported, name), member(reported_metadata, name), member(desired, name),
            member(desired_metadata, name)};
  }
};

void add_desired(Json& metadata, const Level& level, const std::string& name) {
  const Json* value = member(level.desired, name);
  if (value == nullptr) return;
  metadata["desiredValue"] = *value;
  if (const Json* version = member(member(level.desired_metadata, name), "$lastUpdatedVersion")) {
    metadata["desiredVersion"] = *version;
  }
}

/// Writes the level's properties into `out` and what is known of each into `metadata`; components go through
/// `component`.
template <typename Component>
void write_level(const Level& level, Json& out, Json& metadata, Component component) {
  const auto write_property = [&](const std::string& name) {
    Json about = Json::object();
    add_desired(about, level, name);
    if (const Json* value = member(level.reported, name)) {
      if (is_acknowledgement(*value)) {
        about["ackVersion"] = (*value)["av"];
        about["ackCode"] = (*value)["ac"];
        if (value->contains("ad")) about["ackDescription"] = (*value)["ad"];
        out[name] = (*value)["value"];
      } else {
        out[name] = *value;
      }
      if (const Json* time = member(member(level.reported_metadata, name), "$lastUpdated"))
        about["lastUpdateTime"] = *time;
    }
    metadata[name] = std::move(about);
  };

  std::vector<std::string> names;
  for (const Json* side : {level.reported, level.desired}) {
    if (side == nullptr) continue;
    for (const auto& [name, value] : side->items()) {
      if (name != "__t" && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    const Json* reported = member(level.reported, name);
    const Json* desired = member(level.desired, name);
    if ((reported != nullptr && is_component(*reported)) || (desired != nullptr && is_component(*desired))) {
      component(name);
    } else {
      write_property(name);
    }
  }
}

/// Parts of a digital twin's document: the root or a component, the `$metadata` of one, what is known of one property.
enum class Part { level, metadata, about };

std::string escaped(const std::string& name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool has_metadata(const Json& value) {
  return value.is_object() && value.contains("$metadata");
}

/// A component as it is sent: metadata first (recorded).
Json metadata_first(const Json& value) {
  if (!has_metadata(value)) return value;
  Json out = {{"$metadata", value["$metadata"]}};
  for (const auto& [name, inner] : value.items()) out[name] = inner;
  return out;
}

/// Names in their order, so that metadata comes before values and ackCode before ackVersion (recorded).
void append_changes(Json& patch, const Json& before, const Json& after, const std::string& path, Part part) {
  std::set<std::string> names;
  for (const Json* side : {&before, &after}) {
    for (const auto& [name, value] : side->items()) names.insert(name);
  }
  for (const std::string& name : names) {
    const std::string here = path + "/" + escaped(name);
    const Json* old_value = member(&before, name);
    const Json* new_value = member(&after, name);
    if (new_value == nullptr) {
      patch.push_back({{"op", "remove"}, {"path", here}});
    } else if (old_value == nullptr) {
      patch.push_back({{"op", "add"}, {"path", here}, {"value", metadata_first(*new_value)}});
    } else if (part == Part::level && name == "$metadata") {
      append_changes(patch, *old_value, *new_value, here, Part::metadata);
    } else if (part == Part::level && has_metadata(*old_value) && has_metadata(*new_value)) {
      append_changes(patch, *old_value, *new_value, here, Part::level);
    } else if (part == Part::metadata && old_value->is_object() && new_value->is_object()) {
      append_changes(patch, *old_value, *new_value, here, Part::about);
    } else if (nlohmann::json(*old_value) != nlohmann::json(*new_value)) {  // in any order
      patch.push_back({{"op", "replace"}, {"path", here}, {"value", *new_value}});
    }
  }
}

HubError patch_error(ErrorCode code, std::string reason) {
  return {code, "BadRequest", std::move(reason), {}};
}

bool is_dtdl_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameLength && text::is_alpha(name[0]) && name.back() != '_' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return text::is_alpha(c) || text::is_digit(c) || c == '_'; });
}

/// `/thermostat1/targetTemperature` into its names, with JSON Pointer's escapes undone (RFC 6901).
std::optional<std::vector<std::string>> names_of(const std::string& path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::vector<std::string> names(1);
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '/') {
      names.emplace_back();
    } else if (path[i] == '~' && i + 1 < path.size() && (path[i + 1] == '0' || path[i + 1] == '1')) {
      names.back() += path[++i] == '0' ? '~' : '/';
    } else {
      names.back() += path[i];
    }
  }
  if (names.size() > 2 || !std::all_of(names.begin(), names.end(), is_dtdl_name)) return std::nullopt;
  return names;
}

bool is_property_value(const Json& value, int depth) {
  if (value.is_array() || value.is_null() || depth > kMaxDepth) return false;
  return !value.is_object() || std::all_of(value.begin(), value.end(),
                                           [&](const Json& inner) { return is_property_value(inner, depth + 1); });
}

/// A component is told from a property by its `$metadata`, which must be there and is not stored.
Result<Json> desired_value_of(const Json& value, bool may_be_component) {
  if (may_be_component && value.is_object() && value.contains("$metadata")) {
    Json component = {{"__t", "c"}};
    for (const auto& [name, inner] : value.items()) {
      if (name == "$metadata") continue;
      if (!is_dtdl_name(name) || !is_property_value(inner, 1)) {
        return patch_error(ErrorCode::InvalidDigitalTwinPayload, "'" + name + "' is no property of a component");
      }
      component[name] = inner;
    }
    return component;
  }
  if (!is_property_value(value, 1)) {
    return patch_error(ErrorCode::InvalidDigitalTwinPayload,
                       "arrays, nulls and more than five levels are no property values");
  }
  return value;
}

}  // namespace

Json digital_twin_document(const DeviceId& device, const Twin& twin) {
  const Level root{&twin.reported.values, &twin.reported.metadata, &twin.desired.values, &twin.desired.metadata};
  Json document = {{"$dtId", device.value}};
  Json metadata = {{"$model", twin.model_id}};
  write_level(root, document, metadata, [&](const std::string& name) {
    Json component = Json::object();
    Json component_metadata = Json::object();
    write_level(root.below(name), component, component_metadata, [](const std::string&) {});  // components do not nest
    component["$metadata"] = std::move(component_metadata);
    document[name] = std::move(component);
  });
  document["$metadata"] = std::move(metadata);
  return document;
}

Json digital_twin_change(const Json& before, const Json& after) {
  Json patch = Json::array();
  append_changes(patch, before, after, {}, Part::level);
  return patch;
}

Result<Json> desired_patch_of(const Json& json_patch) {
  if (!json_patch.is_array() || json_patch.empty()) {
    return patch_error(ErrorCode::InvalidDigitalTwinJsonPatch, "the body is not an array of JSON Patch operations");
  }
  Json desired = Json::object();
  for (const Json& operation : json_patch) {
    const Json* op = member(&operation, "op");
    const Json* path = member(&operation, "path");
    const Json* value = member(&operation, "value");
    if (op == nullptr || !op->is_string() || path == nullptr || !path->is_string()) {
      return patch_error(ErrorCode::InvalidDigitalTwinJsonPatch, "an operation without op and path");
    }
    const bool removes = *op == "remove";
    if (!removes && *op != "add" && *op != "replace") {
      return patch_error(ErrorCode::InvalidDigitalTwinJsonPatch, "an operation other than add, replace and remove");
    }
    const std::optional<std::vector<std::string>> names = names_of(path->get<std::string>());
    if (!names) {
      return patch_error(ErrorCode::InvalidDigitalTwinPatchPath,
                         "the path is neither /property, /component nor /component/property");
    }
    Json written = nullptr;
    if (!removes) {
      if (value == nullptr) return patch_error(ErrorCode::InvalidDigitalTwinJsonPatch, "an operation without a value");
      Result<Json> checked = desired_value_of(*value, names->size() == 1);
      if (!checked) return checked.error();
      written = std::move(*checked);
    }
    if (names->size() == 1) {
      desired[(*names)[0]] = std::move(written);
    } else {
      Json& component = desired[(*names)[0]];
      if (!component.is_object()) component = {{"__t", "c"}};
      component[(*names)[1]] = std::move(written);
    }
  }
  return desired;
}

}  // namespace iothub::hub
