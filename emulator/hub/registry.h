#pragma once
/// The identity registry: devices and their modules (documentation: Understand the identity registry; rest.md 3,
/// 5, 6.1-6.3).
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/links.h"

namespace iothub::hub {

class TwinCache;
struct Twin;

/// A new twin. Its metadata holds one time: the creation's for a device, "never" for a module (recorded).
storage::TwinRow initial_twin(const Identity& identity, Timestamp now);

/// The writable part of an identity. PUT replaces all of it: what is left out is cleared, or generated anew (keys).
struct IdentityWrite {
  bool enabled = true;
  std::optional<std::string> status_reason;
  std::string authentication_type;  ///< empty: not given
  std::optional<std::string> primary_key;
  std::optional<std::string> secondary_key;
  std::optional<std::string> primary_thumbprint;
  std::optional<std::string> secondary_thumbprint;
  std::optional<std::string> managed_by;
  bool iot_edge = false;
  std::optional<std::string> device_scope;
  std::vector<std::string> parent_scopes;
  std::string attributes;  ///< JSON object text, empty: none

  bool operator==(const IdentityWrite&) const = default;
};

/// An identity and what its connection shows. `created` marks the answer of a creation, which writes "never" without a
/// Z.
struct IdentityView {
  storage::IdentityRow row;
  LinkState link;
  std::int64_t cloud_to_device_message_count = 0;
  bool created = false;
};

class Registry {
 public:
  Registry(std::string hub_name, storage::Store& store, IdentityCache& identities, TwinCache& twins, Links& links,
           const Clock& clock, RandomSource& random);

  /// PUT of a device or module. Without If-Match it creates only (409 if it exists); with one it updates only (404,
  /// 412). A module of a missing or disabled device is 401. Disabling a device drops its links and its modules'. What
  /// is created begins with `twin`, an empty one where none is given.
  Result<IdentityView> put(const Identity& identity, const IdentityWrite& write, const IfMatch& if_match,
                           const Twin* twin = nullptr);
  Result<IdentityView> get(const Identity& identity) const;
  /// If-Match is required (412 without). Deleting a device removes its modules, twins and sessions, and drops the
  /// links.
  Result<void> remove(const Identity& identity, const IfMatch& if_match);

  /// New keys for a SAS identity; 400004 for one that authenticates otherwise.
  Result<IdentityView> regenerate_keys(const Identity& identity, bool primary, bool secondary);

  /// Newest first; a `top` outside 1-1000 means 1000.
  std::vector<IdentityView> devices(std::optional<std::int64_t> top) const;
  Result<std::vector<IdentityView>> modules(const DeviceId& device) const;
  /// All of a kind in key order, in slices: those after the given one (both ids empty: from the start).
  std::vector<storage::IdentityRow> identities_after(storage::Store::Kind kind, const Identity& after,
                                                     std::int64_t limit) const {
    return store_.identities_after(kind, after.device.value, after.module.value, limit);
  }
  /// Null when there is none; what get() refuses because of the device is found. Valid until the next call that writes.
  const storage::IdentityRow* find(const Identity& identity) const { return identities_.find(identity); }
  storage::DeviceCounts device_counts() const { return store_.device_counts(); }

  /// 32 random bytes in base64.
  std::string generate_key();

  /// Called after an identity was created, replaced or removed; for a device not also for its modules. It must not call
  /// the registry back.
  void on_changed(std::function<void(const Identity&)> changed) { changed_ = std::move(changed); }
  enum class Lifecycle { created, about_to_be_deleted };
  /// Both while the identity and its twin are there.
  void on_lifecycle(std::function<void(const Identity&, Lifecycle)> lifecycle) { lifecycle_ = std::move(lifecycle); }

 private:
  Result<IdentityView> create(const Identity& identity, const IdentityWrite& write, const Twin* twin);
  Result<IdentityView> update(const Identity& identity, const IdentityWrite& write, storage::IdentityRow row);
  void create_system_module(const DeviceId& device, std::string_view name);
  Result<void> require_usable_parent(const Identity& module) const;
  Result<void> apply(storage::IdentityRow& row, const IdentityWrite& write);
  IdentityView view(storage::IdentityRow row, bool created) const;
  std::int64_t next_generation();
  std::int64_t first_etag();
  void tell_changed(const Identity& identity) const {
    if (changed_) changed_(identity);
  }

  std::string hub_name_;
  storage::Store& store_;
  IdentityCache& identities_;
  TwinCache& twins_;
  Links& links_;
  const Clock& clock_;
  RandomSource& random_;
  std::int64_t last_generation_ = 0;
  std::function<void(const Identity&)> changed_;
  std::function<void(const Identity&, Lifecycle)> lifecycle_;
};

}  // namespace iothub::hub
