#include "emulator/hub/twin_merge.h"

#include <optional>

namespace iothub::hub {
namespace {

/// What a touched node of `$metadata` shows.
struct Stamp {
  std::string_view now;
  std::optional<std::int64_t> version;  ///< desired only
};

/// A fresh node for a value: the stamp, and below it one for each member. An array has one node for the whole of it.
Json fresh_metadata(const Json& value, const Stamp& stamp) {
  Json node = {{"$lastUpdated", stamp.now}};
  if (stamp.version) node["$lastUpdatedVersion"] = *stamp.version;
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) node[name] = fresh_metadata(member, stamp);
  }
  return node;
}

/// Renews a node's own stamp and keeps its children; the stamp stands first.
void restamp(Json& node, const Stamp& stamp) {
  node["$lastUpdated"] = stamp.now;
  if (!stamp.version) return;
  if (node.contains("$lastUpdatedVersion")) {
    node["$lastUpdatedVersion"] = *stamp.version;
    return;
  }
  Json ordered = {{"$lastUpdated", stamp.now}, {"$lastUpdatedVersion", *stamp.version}};
  for (auto& [name, child] : node.items()) {
    if (name != "$lastUpdated") ordered[name] = std::move(child);
  }
  node = std::move(ordered);
}

/// An object of a patch where nothing stood before: RFC 7386 drops its nulls, at every depth.
Json without_nulls(const Json& value) {
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [name, member] : value.items()) {
    if (!member.is_null()) out[name] = without_nulls(member);
  }
  return out;
}

/// `metadata` is null for tags, which have none.
bool merge(Json& values, Json* metadata, const Json& patch, const Stamp* stamp) {
  bool changed = false;
  for (const auto& [name, member] : patch.items()) {
    const auto present = values.find(name);
    if (member.is_null()) {
      if (present == values.end()) continue;
      values.erase(name);
      if (metadata != nullptr) metadata->erase(name);
      changed = true;
    } else if (member.is_object() && present != values.end() && present->is_object()) {
      changed |= merge(*present, metadata == nullptr ? nullptr : &(*metadata)[name], member, stamp);
    } else {
      Json value = without_nulls(member);
      if (metadata != nullptr) (*metadata)[name] = fresh_metadata(value, *stamp);
      values[name] = std::move(value);
      changed = true;
    }
  }
  if (changed && metadata != nullptr) restamp(*metadata, *stamp);
  return changed;
}

Json difference(const Json& before, const Json& after) {
  Json patch = Json::object();
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    const bool both_objects = old != before.end() && old->is_object() && value.is_object();
    patch[name] = both_objects ? difference(*old, value) : value;
  }
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) patch[name] = nullptr;
  }
  return patch;
}

Stamp stamp_for(const TwinProperties& properties, std::string_view now, bool stamp_version) {
  return {now, stamp_version ? std::optional(properties.version + 1) : std::nullopt};
}

}  // namespace

bool merge_patch(Json& values, const Json& patch) {
  return merge(values, nullptr, patch, nullptr);
}

bool patch_properties(TwinProperties& properties, const Json& patch, std::string_view now, bool stamp_version) {
  const Stamp stamp = stamp_for(properties, now, stamp_version);
  if (!merge(properties.values, &properties.metadata, patch, &stamp)) return false;
  properties.version += 1;
  return true;
}

Json replace_properties(TwinProperties& properties, const Json& replacement, std::string_view now, bool stamp_version) {
  const Stamp stamp = stamp_for(properties, now, stamp_version);
  Json values = without_nulls(replacement);
  Json patch = difference(properties.values, values);
  properties.metadata = fresh_metadata(values, stamp);
  properties.values = std::move(values);
  properties.version += 1;
  return patch;
}

Json without_dollar_members(const Json& section) {
  Json out = Json::object();
  for (const auto& [name, member] : section.items()) {
    if (!name.starts_with('$')) out[name] = member;
  }
  return out;
}

}  // namespace iothub::hub
