#include "emulator/hub/configurations_content.h"

#include <algorithm>
#include <set>
#include <utility>

#include "emulator/hub/limits.h"
#include "emulator/hub/twin_merge.h"
#include "emulator/hub/twin_validation.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kDesired = "properties.desired";

LeafPath path_of(std::string_view key) {
  LeafPath path;
  key.remove_prefix(kDesired.size());
  while (!key.empty()) {
    key.remove_prefix(1);  // the dot
    const std::string_view name = key.substr(0, key.find('.'));
    path.emplace_back(name);
    key.remove_prefix(name.size());
  }
  return path;
}

bool is_leaf(const Json& value) {
  return !value.is_object() || value.empty();
}

void collect(const Json& value, LeafPath& path, std::vector<DesiredLeaf>& leaves) {
  if (is_leaf(value)) {
    if (!path.empty()) leaves.push_back({path, value, {}, {}});
    return;
  }
  for (const auto& [name, member] : value.items()) {
    path.push_back(name);
    collect(member, path, leaves);
    path.pop_back();
  }
}

bool by_order(const DesiredLeaf& a, const DesiredLeaf& b) {
  return a.order < b.order;
}

void set_at(Json& tree, const LeafPath& path, const Json& value) {
  Json* here = &tree;
  for (const std::string& name : path) {
    if (!here->is_object()) *here = Json::object();
    here = &(*here)[name];
  }
  *here = value;
}

const Json* find_at(const Json& tree, const LeafPath& path) {
  const Json* here = &tree;
  for (const std::string& name : path) {
    if (!here->is_object()) return nullptr;
    const auto member = here->find(name);
    if (member == here->end()) return nullptr;
    here = &*member;
  }
  return here;
}

void erase_below(std::map<LeafPath, DesiredLeaf>& leaves, const LeafPath& prefix) {
  auto entry = leaves.lower_bound(prefix);
  while (entry != leaves.end() && starts_with(entry->first, prefix)) entry = leaves.erase(entry);
}

/// Puts a leaf where it stands alone: neither a value it lies in nor one that lies in it stays.
void put_leaf(DesiredPlan& plan, DesiredLeaf leaf) {
  std::map<LeafPath, DesiredLeaf>& leaves = plan.leaves;
  leaf.order = plan.next_order++;
  erase_below(leaves, leaf.path);
  LeafPath above = leaf.path;
  while (!above.empty()) {
    above.pop_back();
    leaves.erase(above);
  }
  LeafPath path = leaf.path;
  leaves.insert_or_assign(std::move(path), std::move(leaf));
}

/// The stamp of one node of `$metadata`.
std::optional<LeafStamp> stamp_of(const Json* node) {
  if (node == nullptr || !node->is_object()) return std::nullopt;
  LeafStamp stamp{text_member(*node, "$lastUpdatedBy"), text_member(*node, "$lastUpdatedByDigest")};
  if (stamp.by.empty()) return std::nullopt;
  return stamp;
}

bool bears(const Twin& twin, const DesiredLeaf& leaf) {
  const std::optional<LeafStamp> stamp = stamp_of(find_at(twin.desired.metadata, leaf.path));
  return stamp && stamp->by == leaf.by && stamp->digest == leaf.digest;
}

/// Whether all of a value has departed; what has is added to `removed`, as far up as nothing else is lost.
bool remove_departed(const Json& value, const Json& metadata, const DesiredPlan& plan,
                     const std::function<bool(const LeafStamp&)>& has_departed, LeafPath& path,
                     std::vector<DesiredLeaf>& removed) {
  if (is_leaf(value)) {
    const std::optional<LeafStamp> stamp = stamp_of(&metadata);
    return stamp && has_departed(*stamp) && !plan.leaves.contains(path);
  }
  bool all = true;
  std::vector<DesiredLeaf> below;
  for (const auto& [name, member] : value.items()) {
    path.push_back(name);
    const auto node = metadata.find(name);
    if (node != metadata.end() && remove_departed(member, *node, plan, has_departed, path, below)) {
      below.push_back({path, nullptr, {}, {}});
    } else {
      all = false;
    }
    path.pop_back();
  }
  if (all && !path.empty()) return true;
  removed.insert(removed.end(), below.begin(), below.end());
  return false;
}

}  // namespace

bool starts_with(const LeafPath& path, const LeafPath& prefix) {
  return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

std::vector<DesiredLeaf> leaves_of(const Json& twin_content) {
  std::vector<DesiredLeaf> leaves;
  for (const auto& [key, value] : twin_content.items()) {
    LeafPath path = path_of(key);
    collect(value, path, leaves);
  }
  return leaves;
}

Json tree_of(const std::vector<DesiredLeaf>& leaves) {
  Json tree = Json::object();
  for (const DesiredLeaf& leaf : leaves) set_at(tree, leaf.path, leaf.value);
  return tree;
}

std::vector<std::string> modules_named_by(const Json& modules_content) {
  std::set<std::string> names;
  for (const auto& [module, content] : modules_content.items()) {
    if (!module.starts_with('$')) names.insert(module);
    if (module != "$edgeAgent") continue;
    for (const DesiredLeaf& leaf : leaves_of(content)) {
      if (leaf.path.size() > 1 && leaf.path[0] == "modules" && !leaf.value.is_null()) names.insert(leaf.path[1]);
    }
  }
  return {names.begin(), names.end()};
}

std::vector<DesiredLeaf> in_order(const DesiredPlan& plan) {
  std::vector<DesiredLeaf> leaves;
  for (const auto& [path, leaf] : plan.leaves) leaves.push_back(leaf);
  std::sort(leaves.begin(), leaves.end(), by_order);
  return leaves;
}

DesiredPlan merge_layers(const std::vector<ContentLayer>& layers) {
  DesiredPlan plan;
  for (const ContentLayer& layer : layers) {
    for (DesiredLeaf& leaf : leaves_of(*layer.content)) {
      // An empty object adds nothing to one that has members.
      const auto inside = plan.leaves.upper_bound(leaf.path);
      const bool has_members = inside != plan.leaves.end() && starts_with(inside->first, leaf.path);
      if (leaf.value.is_object() && has_members) continue;
      leaf.by = layer.by;
      leaf.digest = layer.digest;
      put_leaf(plan, std::move(leaf));
    }
  }
  return plan;
}

DesiredPlan replace_layers(const std::vector<ContentLayer>& layers) {
  DesiredPlan plan;
  for (const ContentLayer& layer : layers) {
    for (const auto& [key, value] : layer.content->items()) {
      LeafPath path = path_of(key);
      erase_below(plan.leaves, path);
      plan.whole |= path.empty();
      std::vector<DesiredLeaf> leaves;
      collect(value, path, leaves);
      for (DesiredLeaf& leaf : leaves) {
        leaf.by = layer.by;
        leaf.digest = layer.digest;
        put_leaf(plan, std::move(leaf));
      }
    }
  }
  return plan;
}

std::vector<DesiredLeaf> missing_leaves(const Twin& twin, const DesiredPlan& plan,
                                        const std::function<bool(const std::string& configuration)>& writes_anew,
                                        const std::function<bool(const LeafStamp& stamp)>& has_departed) {
  std::vector<DesiredLeaf> missing;
  LeafPath path;
  remove_departed(twin.desired.values, twin.desired.metadata, plan, has_departed, path, missing);
  const auto removed = static_cast<std::ptrdiff_t>(missing.size());
  for (const auto& [at, leaf] : plan.leaves) {
    if (leaf.value.is_null()) {
      if (writes_anew(leaf.by) && find_at(twin.desired.values, at) != nullptr) missing.push_back(leaf);
      continue;
    }
    if (bears(twin, leaf)) continue;
    const bool of_another = stamp_of(find_at(twin.desired.metadata, at)).has_value();
    if (of_another || writes_anew(leaf.by)) missing.push_back(leaf);
  }
  std::sort(missing.begin() + removed, missing.end(), by_order);
  return missing;
}

bool is_in_place(const Twin& twin, const DesiredPlan& plan) {
  std::vector<DesiredLeaf> leaves;
  for (const auto& [path, leaf] : plan.leaves) {
    if (leaf.value.is_null()) continue;
    if (!leaf.by.empty() && !bears(twin, leaf)) return false;
    leaves.push_back(leaf);
  }
  if (plan.whole) return nlohmann::json(tree_of(leaves)) == nlohmann::json(twin.desired.values);  // in any order
  return std::all_of(leaves.begin(), leaves.end(), [&](const DesiredLeaf& leaf) {
    const Json* value = find_at(twin.desired.values, leaf.path);
    return value != nullptr && *value == leaf.value;
  });
}

Result<ConfiguredTwin> configured(const Twin& twin, const ConfigurationChange& change, std::string_view now) {
  ConfiguredTwin after{twin, std::nullopt, {}};
  if (change.configurations) after.twin.configurations = *change.configurations;
  if (change.leaves.empty() && !change.whole) return after;

  Json patch = tree_of(change.leaves);
  if (change.whole) {
    patch = replace_properties(after.twin.desired, patch, now, true);
  } else if (!patch_properties(after.twin.desired, patch, now, true)) {
    return after;
  }
  const std::string_view section = "properties.desired";
  if (auto fits = check_section_size(after.twin.desired.values, section, kMaxTwinPropertiesBytes); !fits) {
    return fits.error();
  }
  for (const DesiredLeaf& leaf : change.leaves) {
    if (leaf.by.empty() || leaf.value.is_null() || find_at(after.twin.desired.values, leaf.path) == nullptr) continue;
    Json* node = &after.twin.desired.metadata;
    for (const std::string& name : leaf.path) node = &(*node)[name];
    (*node)["$lastUpdatedBy"] = leaf.by;
    (*node)["$lastUpdatedByDigest"] = leaf.digest;
  }
  after.twin.etag += 1;
  after.twin.version += 1;
  const std::int64_t version = after.twin.desired.version;
  after.written = patch;
  patch["$version"] = version;
  after.desired = DesiredChange{dump(patch), version};
  return after;
}

Result<void> Twins::apply_configuration(const Identity& identity, const ConfigurationChange& change) {
  const Twin* current = identities_.find(identity) == nullptr ? nullptr : twins_.find(identity);
  if (current == nullptr) return device_not_found(identity.device);
  Result<ConfiguredTwin> after = configured(*current, change, text::iso_time(clock_.now()));
  if (!after) return after.error();
  const Twin before = twins_.save(identity, std::move(after->twin));
  if (!after->desired) return {};
  if (DeviceLink* link = links_.find(identity)) link->desired_changed(*after->desired);
  if (updated_) updated_(identity, {.desired = &after->written, .before = &before});
  return {};
}

}  // namespace iothub::hub
