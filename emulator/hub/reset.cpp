#include "emulator/hub/reset.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emulator/hub/json.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/twin_json.h"

namespace iothub::hub {
namespace {

/// What of an identity outlives a reset.
struct Kept {
  storage::IdentityRow row;
  std::optional<std::string> session;
  std::string desired;  ///< JSON object text, as it was
};

std::optional<Kept> keep(storage::Store& store, const std::string& device, const std::string& module,
                         bool with_session) {
  auto row = store.identity(device, module);
  if (!row) return std::nullopt;
  Kept kept{std::move(*row), std::nullopt, "{}"};
  if (with_session) kept.session = store.session(device, module);
  if (const auto twin = store.twin(device, module)) kept.desired = twin->desired;
  return kept;
}

void put_back(storage::Store& store, const Kept& kept, Timestamp now) {
  const Identity identity{{kept.row.device_id}, {kept.row.module_id}};
  store.insert_identity(kept.row, initial_twin(identity, now));
  if (kept.session) store.put_session(kept.row.device_id, kept.row.module_id, *kept.session);
}

/// The patch that takes every desired property away, as a device is told of a replaced twin.
void tell_desired_gone(Hub& hub, const Kept& kept) {
  DeviceLink* link = hub.links().find({{kept.row.device_id}, {kept.row.module_id}});
  Json patch = Json::parse(kept.desired);
  if (link == nullptr || patch.empty()) return;
  for (auto& [name, value] : patch.items()) value = nullptr;
  patch["$version"] = 1;
  link->desired_changed({dump(patch), 1});
}

}  // namespace

void reset_hub(Hub& hub, storage::Store& store, ResetLinks links) {
  if (links == ResetLinks::drop) hub.links().close_all();
  std::vector<Kept> kept;
  const auto keep_once = [&](const std::string& device, const std::string& module) {
    const bool there = std::any_of(kept.begin(), kept.end(), [&](const Kept& each) {
      return each.row.device_id == device && each.row.module_id == module;
    });
    if (there) return;
    if (auto each = keep(store, device, module, true)) kept.push_back(std::move(*each));
  };
  for (const ConnectedLink& link : hub.links().connected()) {
    keep_once(link.identity.device.value, {});  // a module's device first
    if (link.identity.is_module()) keep_once(link.identity.device.value, link.identity.module.value);
  }
  store.clear(links == ResetLinks::drop);
  for (const Kept& each : kept) put_back(store, each, hub.clock().now());
  hub.commit_now();
  hub.store_replaced();
  for (const Kept& each : kept) tell_desired_gone(hub, each);
  hub.observers().tell(Happening::reset, {}, [links] {
    return detail_text({{"links", links == ResetLinks::drop ? "drop" : "keep"}});
  });
}

Result<void> reset_device(Hub& hub, storage::Store& store, const DeviceId& device, ResetLinks links) {
  const bool drop = links == ResetLinks::drop;
  std::vector<Kept> kept;
  if (auto own = keep(store, device.value, {}, !drop)) kept.push_back(std::move(*own));
  if (kept.empty()) return device_not_found(device);
  if (drop) hub.links().close({device}, LinkEnd::reset, true);
  for (const storage::IdentityRow& module : store.modules(device.value)) {
    if (auto each = keep(store, device.value, module.module_id, !drop)) kept.push_back(std::move(*each));
  }
  store.remove_identity(device.value, {});
  store.remove_events_of(hub.events().partition_of(device), device.value);
  for (const Kept& each : kept) put_back(store, each, hub.clock().now());
  hub.commit_now();
  hub.device_replaced(device);
  for (const Kept& each : kept) tell_desired_gone(hub, each);
  hub.observers().tell(Happening::reset, {device}, [links] {
    return detail_text({{"links", links == ResetLinks::drop ? "drop" : "keep"}});
  });
  return {};
}

}  // namespace iothub::hub
