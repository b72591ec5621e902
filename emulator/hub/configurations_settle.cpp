// Which configurations hold for a twin, and what they write into it.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "emulator/hub/configurations.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/query/twin_row.h"
#include "emulator/hub/registry.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {
namespace {

constexpr const char* kApplied = "Applied";
constexpr const char* kTargeted = "Targeted";
constexpr const char* kEdgeAgent = "$edgeAgent";

Json configurations_of(const query::TwinRow& row) {
  static const query::Path kConfigurations{{std::string("configurations")}};
  return row.json(kConfigurations).value_or(Json::object());
}

bool is_applied(const Json& statuses, const std::string& id) {
  const auto entry = statuses.find(id);
  return entry != statuses.end() && entry->value("status", "") == kApplied;
}

bool matches(const Configuration& configuration, const query::TwinRow& row) {
  switch (configuration.target.kind) {
    case ConfigurationTarget::Kind::none:
      return false;
    case ConfigurationTarget::Kind::all:
      return true;
    case ConfigurationTarget::Kind::condition:
      return query::is_true(query::evaluate(*configuration.target.condition, row));
  }
  return false;
}

ConfigurationChange change_to(const DesiredPlan& plan) {
  return {in_order(plan), plan.whole, std::nullopt};
}

}  // namespace

std::int64_t Configurations::settle(const storage::IdentityRow& identity, const Ids& rewritten, bool thorough) {
  const query::TwinRow row(store_, links_, identity);
  const Identity target{{identity.device_id}, {identity.module_id}};
  if (target.is_module()) return settle_twin(target, ConfigurationFamily::module, row, rewritten, thorough);
  const std::int64_t written = settle_twin(target, ConfigurationFamily::device, row, rewritten, thorough);
  return identity.iot_edge ? written + settle_deployments(target.device, row, rewritten, thorough) : written;
}

Configurations::Layers Configurations::matching(ConfigurationFamily family, const query::TwinRow& row) const {
  Layers layers;
  for (const Configuration* configuration : by_priority_) {
    if (configuration->family == family && matches(*configuration, row)) layers.push_back(configuration);
  }
  return layers;
}

const Configurations::MergedPlan& Configurations::merged(ConfigurationFamily family, const Layers& layers) {
  constexpr std::size_t kMaxPlans = 256;
  std::string key = family == ConfigurationFamily::module ? "modules" : "devices";
  for (const Configuration* layer : layers) key += " " + layer->id;
  if (const auto found = merged_.find(key); found != merged_.end()) return found->second;
  if (merged_.size() >= kMaxPlans) merged_.clear();

  std::vector<ContentLayer> contents;
  for (const Configuration* layer : layers) contents.push_back({&twin_content_of(*layer), layer->id, layer->digest()});
  MergedPlan merged{merge_layers(contents), {}};
  for (const auto& [path, leaf] : merged.plan.leaves) merged.owners.insert(leaf.by);
  return merged_.emplace(std::move(key), std::move(merged)).first->second;
}

Json Configurations::statuses(const Json& before, const Layers& layers, const Ids& applied,
                              const std::function<bool(const Configuration* known)>& stays) const {
  std::map<std::string, std::string> by_id;
  for (const auto& [id, entry] : before.items()) {
    if (stays(find(id))) by_id[id] = entry.value("status", kTargeted);
  }
  for (const Configuration* layer : layers) by_id[layer->id] = applied.contains(layer->id) ? kApplied : kTargeted;
  Json after = Json::object();
  for (const auto& [id, status] : by_id) after[id] = {{"status", status}};
  return after;
}

bool Configurations::has_departed(const LeafStamp& stamp, ConfigurationFamily family, const Ids& staying) const {
  const Configuration* author = find(stamp.by);
  if (author == nullptr || author->family != family || staying.contains(stamp.by)) return false;
  // What an earlier configuration of that name wrote stays, as all that removed configurations wrote.
  std::int64_t written_at = 0;
  std::from_chars(stamp.digest.data(), stamp.digest.data() + stamp.digest.size(), written_at);
  return written_at >= author->created.ticks;
}

bool Configurations::set_statuses(const Identity& identity, const Json& before, const Json& after) {
  return after != before && twins_.apply_configuration(identity, {{}, false, after}).has_value();
}

/// All that match write; of two that write the same path the higher priority stands, so that one may be applied in part
/// (Automatic device management: conflicts are per device twin path).
std::int64_t Configurations::settle_twin(const Identity& identity, ConfigurationFamily family,
                                         const query::TwinRow& row, const Ids& rewritten, bool thorough) {
  const Layers layers = matching(family, row);
  const Json before = configurations_of(row);
  if (layers.empty() && before.empty()) return 0;
  const MergedPlan& plan = merged(family, layers);
  Ids applied, staying;
  for (const Configuration* layer : layers) {
    staying.insert(layer->id);
    if (plan.owners.contains(layer->id)) applied.insert(layer->id);
  }
  // In $edgeAgent's twin stand those of deployments too, which settle_deployments looks after.
  const bool is_agent = identity.module.value == kEdgeAgent;
  const auto stays = [&](const Configuration* known) { return known == nullptr ? is_agent : known->family != family; };
  const Json after = statuses(before, layers, applied, stays);
  if (!thorough && after == before) return 0;
  const Result<TwinView> view = twins_.get(identity);
  if (!view) return 0;

  ConfigurationChange change;
  change.configurations = after;
  change.leaves = missing_leaves(
      *view->twin, plan.plan, [&](const std::string& id) { return rewritten.contains(id) || !is_applied(before, id); },
      [&](const LeafStamp& stamp) { return has_departed(stamp, family, staying); });
  if (change.leaves.empty() && after == before) return 0;
  if (const Result<void> written = twins_.apply_configuration(identity, change); !written) {
    spdlog::warn("configurations cannot be applied to {}: {}", identity.name(), written.error().message);
    set_statuses(identity, before, statuses(before, layers, {}, stays));
  }
  return 1;
}

/// One base and the layered deployments above it are written, module by module; the status stands in $edgeAgent's twin.
std::int64_t Configurations::settle_deployments(const DeviceId& device, const query::TwinRow& row, const Ids& rewritten,
                                                bool thorough) {
  const Identity agent{device, {kEdgeAgent}};
  const std::optional<storage::IdentityRow> agent_row = store_.identity(device.value, kEdgeAgent);
  if (!agent_row) return 0;
  const Json before = configurations_of(query::TwinRow(store_, links_, *agent_row));
  const Layers layers = matching(ConfigurationFamily::edge, row);
  if (layers.empty() && before.empty()) return 0;

  const auto base =
      std::find_if(layers.rbegin(), layers.rend(), [](const Configuration* layer) { return is_base(*layer); });
  const Layers deployed = base == layers.rend() ? Layers() : Layers(std::prev(base.base()), layers.end());
  const auto stays = [](const Configuration* known) {
    return known != nullptr && known->family != ConfigurationFamily::edge;
  };
  Ids applied, applied_before;
  for (const Configuration* layer : deployed) applied.insert(layer->id);
  for (const auto& [id, entry] : before.items()) {
    if (!stays(find(id)) && is_applied(before, id)) applied_before.insert(id);
  }
  const Json after = statuses(before, layers, applied, stays);
  if (!thorough && after == before) return 0;

  Deployment deployment;
  std::map<std::string, std::vector<ContentLayer>> contents;
  for (const Configuration* layer : deployed) {
    const Json& modules = layer->content["modulesContent"];
    for (const auto& [module, content] : modules.items()) {
      contents[module].push_back({&content, layer->id, layer->digest()});
    }
    for (std::string& module : modules_named_by(modules)) deployment.modules.insert(std::move(module));
  }
  for (const auto& [module, layered] : contents) deployment.plans.emplace(module, replace_layers(layered));

  std::int64_t written = 0;
  const bool anew =
      std::any_of(applied.begin(), applied.end(), [&](const std::string& id) { return rewritten.contains(id); });
  // What was written into the modules by other means stays until the deployments change (probed).
  if (!applied.empty() && (anew || applied != applied_before)) {
    if (const Result<void> done = deploy(device, deployment, false); !done) {
      spdlog::warn("deployments cannot be applied to {}: {}", device.value, done.error().message);
      set_statuses(agent, before, statuses(before, layers, {}, stays));
      return 1;
    }
    written += static_cast<std::int64_t>(deployment.plans.size());
  }
  if (applied != applied_before) written += remove_departed_modules(device, applied, deployment);
  return set_statuses(agent, before, after) ? written + 1 : written;
}

/// Clears what deployments that no longer hold have left in modules the present ones do not write.
std::int64_t Configurations::remove_departed_modules(const DeviceId& device, const Ids& staying,
                                                     const Deployment& deployment) {
  static const DesiredPlan kNothing;
  std::int64_t written = 0;
  for (const storage::IdentityRow& row : store_.modules(device.value)) {
    if (deployment.plans.contains(row.module_id)) continue;
    const Identity module{device, {row.module_id}};
    const Result<TwinView> view = twins_.get(module);
    if (!view) continue;
    ConfigurationChange change;
    change.leaves = missing_leaves(
        *view->twin, kNothing, [](const std::string&) { return false; },
        [&](const LeafStamp& stamp) { return has_departed(stamp, ConfigurationFamily::edge, staying); });
    if (!change.leaves.empty() && twins_.apply_configuration(module, change)) ++written;
  }
  return written;
}

/// Checks all, then writes all.
Result<void> Configurations::deploy(const DeviceId& device, const Deployment& deployment, bool also_unchanged) {
  const std::optional<storage::IdentityRow> device_row = store_.identity(device.value, "");
  if (!device_row) return device_not_found(device);
  std::vector<Identity> missing;
  for (const std::string& module : deployment.modules) {
    if (!store_.identity(device.value, module)) missing.push_back({device, {module}});
  }
  if (!missing.empty() && !device_row->enabled) {
    return unauthorized("no modules can be made on '" + device.value + "', which is disabled");
  }
  if (store_.module_count(device.value) + static_cast<std::int64_t>(missing.size()) > kMaxModulesPerDevice) {
    return too_many_modules(device);
  }
  std::vector<std::pair<Identity, ConfigurationChange>> changes;
  for (const auto& [name, plan] : deployment.plans) {
    const Identity module{device, {name}};
    const Result<TwinView> view = twins_.get(module);
    if (!view && std::find(missing.begin(), missing.end(), module) == missing.end()) return module_not_found(module);
    const Twin twin = view ? *view->twin : Twin();
    if (!also_unchanged && is_in_place(twin, plan)) continue;
    ConfigurationChange change = change_to(plan);
    if (const auto fits = configured(twin, change, text::iso_time(clock_.now())); !fits) return fits.error();
    changes.emplace_back(module, std::move(change));
  }

  for (const Identity& module : missing) {
    IdentityWrite write;
    write.managed_by = "iotEdge";
    if (const Result<IdentityView> made = registry_.put(module, write, IfMatch::none()); !made) return made.error();
  }
  for (const auto& [module, change] : changes) {
    if (const Result<void> written = twins_.apply_configuration(module, change); !written) return written.error();
  }
  return {};
}

Result<void> Configurations::apply_content(const DeviceId& device, const Json& body) {
  load();
  const std::optional<storage::IdentityRow> row = store_.identity(device.value, "");
  if (!row) return device_not_found(device);
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  const auto part = [&](const char* name) {
    const auto found = body.find(name);
    return found == body.end() ? Json::object() : Json{{name, *found}};
  };
  const Result<Json> modules = checked_content(part("modulesContent"));
  if (!modules) return modules.error();
  if (const auto found = body.find("moduleContent"); found != body.end() && !found->is_null()) {
    return invalid_configuration_content("'moduleContent' is none of a deployment");
  }
  const auto device_member = body.find("deviceContent");
  const bool has_device_content =
      device_member != body.end() && !device_member->is_null() && *device_member != Json::object();
  std::optional<ConfigurationChange> device_change;
  if (has_device_content) {
    const Result<Json> content = checked_content(part("deviceContent"));
    if (!content) return content.error();
    device_change = change_to(merge_layers({{&(*content)["deviceContent"], {}, {}}}));
  }
  if (!row->iot_edge) return argument_invalid("Not an Azure IoT Edge device");
  if (device_change) {
    const auto fits = configured(*twins_.get({device})->twin, *device_change, text::iso_time(clock_.now()));
    if (!fits) return fits.error();
  }

  Deployment deployment;
  const Json& contents = (*modules)["modulesContent"];
  for (const auto& [module, content] : contents.items()) {
    deployment.plans.emplace(module, replace_layers({{&content, {}, {}}}));
  }
  for (std::string& module : modules_named_by(contents)) deployment.modules.insert(std::move(module));
  if (const Result<void> done = deploy(device, deployment, true); !done) return done.error();
  if (device_change) return twins_.apply_configuration({device}, *device_change);
  return {};
}

}  // namespace iothub::hub
