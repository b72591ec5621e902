#pragma once
/// Twins: what the service and the device may read and write (rest.md 5.3, 6.4; corrections.md 2).
#include <functional>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/links.h"
#include "emulator/hub/lru_cache.h"
#include "emulator/hub/twin.h"

namespace iothub::hub {

struct ConfigurationChange;

/// What one write did to a twin; borrowed for the call, null where a section was not written.
struct TwinUpdate {
  const Json* tags = nullptr;
  const Json* desired = nullptr;   ///< as posted
  const Json* reported = nullptr;  ///< as posted
  bool replaced = false;           ///< PUT: the whole of tags and desired
  const Twin* before = nullptr;    ///< the twin as it was
};

/// Parsed twins by identity, read through a bounded cache.
class TwinCache {
 public:
  static constexpr std::size_t kCapacity = 1024;
  explicit TwinCache(storage::Store& store) : store_(store), twins_(kCapacity) {}

  /// Null when there is none. Valid until the next call.
  Twin* find(const Identity& identity);
  /// Writes a changed copy of what find() gave; returns what that was.
  Twin save(const Identity& identity, Twin twin);
  void forget(const Identity& identity);  ///< for a device its modules' too
  void clear() { twins_.clear(); }

 private:
  storage::Store& store_;
  LruCache<Identity, Twin, IdentityHash> twins_;
};

/// A twin with the parts of its identity that it mirrors. Pointers are valid until the next call of the hub.
struct TwinView {
  const Twin* twin = nullptr;
  const storage::IdentityRow* identity = nullptr;
  LinkState link;
  std::int64_t cloud_to_device_message_count = 0;
};

class Twins {
 public:
  Twins(TwinCache& twins, IdentityCache& identities, Links& links, const Clock& clock);

  /// A missing device or module is 404001 (module twins too: probed).
  Result<TwinView> get(const Identity& identity);

  /// The twin that an identity begins with which a bulk request creates: the tags and desired of `body`, if it has any,
  /// are the first versions of both. 400004.
  Result<Twin> begin(const Identity& identity, const Json& body) const;

  /// PATCH: merges tags and desired; everything else in the body is ignored. 400004, 404001, 412001.
  /// A connected, subscribed device is told the desired part as posted.
  Result<TwinView> patch(const Identity& identity, const Json& body, const IfMatch& if_match);

  /// PUT: replaces tags and desired; a section left out becomes empty. The device is told the difference.
  Result<TwinView> replace(const Identity& identity, const Json& body, const IfMatch& if_match);

  /// A device's patch of its reported properties; returns the new $version. A `$version` in the patch must be the
  /// current one.
  Result<std::int64_t> patch_reported(const Identity& identity, const Json& patch);

  /// The PnP model id a device named when it connected.
  void set_model_id(const Identity& identity, const std::string& model_id);

  /// What a configuration writes: desired leaves with their stamps, and the `configurations` member; the device is told
  /// what of desired changed. Refuses with 404001, and with 400004 when desired would be too large; then nothing is
  /// written.
  Result<void> apply_configuration(const Identity& identity, const ConfigurationChange& change);

  /// Called after tags, desired or reported have changed by any of the calls above but apply_configuration. It must not
  /// call the twins back: what the caller was given would be gone.
  void on_changed(std::function<void(const Identity&)> changed) { changed_ = std::move(changed); }
  /// As on_changed, with what was written, and after apply_configuration has changed desired too; the twin in the cache
  /// is the new one.
  void on_updated(std::function<void(const Identity&, const TwinUpdate&)> updated) { updated_ = std::move(updated); }

 private:
  TwinView view(const Identity& identity, const Twin& twin) const;
  void tell_changed(const Identity& identity, const TwinUpdate& update) const {
    if (changed_) changed_(identity);
    if (updated_) updated_(identity, update);
  }

  TwinCache& twins_;
  IdentityCache& identities_;
  Links& links_;
  const Clock& clock_;
  std::function<void(const Identity&)> changed_;
  std::function<void(const Identity&, const TwinUpdate&)> updated_;
};

}  // namespace iothub::hub
