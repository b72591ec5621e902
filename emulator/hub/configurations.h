#pragma once
/// Configurations: automatic management of devices and modules, and IoT Edge deployments (documentation: Automatic
/// device and module management; Understand IoT Edge automatic deployments; rest.md 1.1, 5.4, 6.8).
///
/// Which twins a configuration writes is settled on the hub's scheduler, in slices of some milliseconds: all twins when
/// configurations change, single ones when they do themselves. The service takes minutes for it; here it is the next
/// turns of the loop.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/configurations_content.h"
#include "emulator/hub/configurations_count.h"
#include "emulator/hub/configurations_json.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/links.h"
#include "storage/store.h"

namespace iothub::hub {

namespace query {
class TwinRow;
}
class Registry;
class Twins;

class Configurations {
 public:
  /// Reads what the store has. `lenient` honours unquoted etags.
  Configurations(storage::Store& store, Registry& registry, Twins& twins, const Links& links, const Clock& clock,
                 Scheduler& scheduler, bool lenient);
  Configurations(const Configurations&) = delete;
  Configurations& operator=(const Configurations&) = delete;

  /// PUT; returns the configuration as GET shows it. Without If-Match, and with an unquoted etag, it creates only
  /// (409401 if it exists); else it updates only (404301, 412001). Content never changes. 413101 for more than 100.
  Result<Json> put(const std::string& id, const Json& body, const IfMatch& if_match);
  /// 404301.
  Result<Json> get(const std::string& id);
  Json list();
  /// If-Match is optional; a given etag is compared, quoted or not (412001). Twins keep what was written into them.
  Result<void> remove(const std::string& id, const IfMatch& if_match);

  /// POST /devices/{id}/applyConfigurationContent: writes the modules of one IoT Edge device at once and makes those
  /// that are missing. 404001, 400402, 400004 for a device that is none of IoT Edge, 413003. Nothing is written on a
  /// refusal.
  Result<void> apply_content(const DeviceId& device, const Json& body);

  /// A twin or identity was written, made or removed by somebody else.
  void identity_changed(const Identity& identity);
  /// After a lost transaction: what is here may never have happened, and is read again when it is asked for.
  void forget();

 private:
  using Ids = std::set<std::string>;
  using Layers = std::vector<const Configuration*>;  ///< what matches one twin, lowest priority first

  /// One walk over all twins.
  struct Pass {
    Pass(const std::map<std::string, Configuration>& configurations, bool settling)
        : counts(configurations), settles(settling) {}
    MetricCounts counts;
    bool settles;  ///< else it only counts
    storage::Store::Kind kind = storage::Store::Kind::devices;
    std::string after_device, after_module;
    std::int64_t slices = 0;
  };
  struct MergedPlan {
    DesiredPlan plan;
    Ids owners;
  };
  /// What to write into the modules of one IoT Edge device.
  struct Deployment {
    std::map<std::string, DesiredPlan> plans;  ///< by module
    Ids modules;                               ///< which must be there
  };

  void load();
  void configurations_changed();
  Timestamp next_time();
  const Configuration* find(const std::string& id) const;

  // ---- when: configurations.cpp
  void start_pass(bool settles);
  void wake();
  void run();
  void settle_changed_identities();
  void step_pass();
  void finish_pass();
  void count_soon();

  // ---- what: configurations_settle.cpp. `rewritten` are configurations whose content is to be written anew; each
  // function returns how many twins it wrote.
  std::int64_t settle(const storage::IdentityRow& row, const Ids& rewritten, bool thorough);
  std::int64_t settle_twin(const Identity& identity, ConfigurationFamily family, const query::TwinRow& row,
                           const Ids& rewritten, bool thorough);
  std::int64_t settle_deployments(const DeviceId& device, const query::TwinRow& row, const Ids& rewritten,
                                  bool thorough);
  Layers matching(ConfigurationFamily family, const query::TwinRow& row) const;
  const MergedPlan& merged(ConfigurationFamily family, const Layers& layers);
  /// The twin's `configurations` member: what matches, and what `stays` of the rest.
  Json statuses(const Json& before, const Layers& layers, const Ids& applied,
                const std::function<bool(const Configuration* known)>& stays) const;
  /// Whether a leaf was written by a configuration of the family that is still there and not among `staying`.
  bool has_departed(const LeafStamp& stamp, ConfigurationFamily family, const Ids& staying) const;
  Result<void> deploy(const DeviceId& device, const Deployment& deployment, bool also_unchanged);
  bool set_statuses(const Identity& identity, const Json& before, const Json& after);
  std::int64_t remove_departed_modules(const DeviceId& device, const Ids& staying, const Deployment& deployment);

  storage::Store& store_;
  Registry& registry_;
  Twins& twins_;
  const Links& links_;
  const Clock& clock_;
  bool lenient_;

  std::map<std::string, Configuration> configurations_;
  Layers by_priority_;                        ///< lowest first; of equals the older
  std::map<std::string, MergedPlan> merged_;  ///< by the ids of its layers; emptied when configurations change
  Timestamp last_time_;
  bool loaded_ = false;

  Ids rewritten_;  ///< put since the last pass that settled
  std::unordered_set<Identity, IdentityHash> changed_;
  std::optional<Pass> pass_;
  std::int64_t slices_ = 1;    ///< of the last pass
  bool counts_soon_ = false;   ///< the count timer is set to a short delay
  bool counts_stale_ = false;  ///< something changed under the pass
  Timer work_timer_;
  Timer count_timer_;
};

}  // namespace iothub::hub
