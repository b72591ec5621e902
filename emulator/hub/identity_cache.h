#pragma once
/// Identities by key, read through a bounded cache.
#include "emulator/hub/ids.h"
#include "emulator/hub/lru_cache.h"
#include "storage/rows.h"
#include "storage/store.h"

namespace iothub::hub {

class IdentityCache {
 public:
  static constexpr std::size_t kCapacity = 4096;

  explicit IdentityCache(storage::Store& store) : store_(store), rows_(kCapacity) {}

  /// Null when there is no such identity. Valid until the next call that writes.
  const storage::IdentityRow* find(const Identity& identity);

  /// Messages in its cloud-to-device queue; they are not cached.
  std::int64_t c2d_message_count(const Identity& identity) const {
    return store_.c2d_message_count(identity.device.value, identity.module.value);
  }

  // The registry writes through these, so that cache and store never differ.
  bool insert(const storage::IdentityRow& row, const storage::TwinRow& twin);
  void update(const storage::IdentityRow& row);
  void remove(const Identity& identity);
  /// An identity that is gone is skipped.
  void update_activity(const Identity& identity, std::int64_t connection_state_updated_time,
                       std::int64_t last_activity_time);

  /// After a failed commit: what is here may never have happened.
  void clear() { rows_.clear(); }

 private:
  storage::Store& store_;
  LruCache<Identity, storage::IdentityRow, IdentityHash> rows_;
};

}  // namespace iothub::hub
