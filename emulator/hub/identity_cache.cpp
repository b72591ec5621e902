#include "emulator/hub/identity_cache.h"

namespace iothub::hub {

const storage::IdentityRow* IdentityCache::find(const Identity& identity) {
  if (const storage::IdentityRow* cached = rows_.find(identity)) return cached;
  std::optional<storage::IdentityRow> row = store_.identity(identity.device.value, identity.module.value);
  return row ? &rows_.put(identity, std::move(*row)) : nullptr;
}

bool IdentityCache::insert(const storage::IdentityRow& row, const storage::TwinRow& twin) {
  if (!store_.insert_identity(row, twin)) return false;
  rows_.put({{row.device_id}, {row.module_id}}, row);
  return true;
}

void IdentityCache::update(const storage::IdentityRow& row) {
  store_.update_identity(row);
  rows_.put({{row.device_id}, {row.module_id}}, row);
}

void IdentityCache::remove(const Identity& identity) {
  store_.remove_identity(identity.device.value, identity.module.value);
  rows_.erase_if(
      [&](const Identity& key) { return identity.is_module() ? key == identity : key.device == identity.device; });
}

void IdentityCache::update_activity(const Identity& identity, std::int64_t connection_state_updated_time,
                                    std::int64_t last_activity_time) {
  store_.update_activity(identity.device.value, identity.module.value, connection_state_updated_time,
                         last_activity_time);
  if (storage::IdentityRow* row = rows_.find(identity)) {
    row->connection_state_updated_time = connection_state_updated_time;
    row->last_activity_time = last_activity_time;
  }
}

}  // namespace iothub::hub
