#pragma once
/// One IoT hub: its registry, twins, links and events over one store. Synchronous, one thread, no sockets.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/hub/auth.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/configurations.h"
#include "emulator/hub/events.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/jobs.h"
#include "emulator/hub/links.h"
#include "emulator/hub/methods.h"
#include "emulator/hub/query/queries.h"
#include "emulator/hub/registry.h"
#include "emulator/hub/sessions.h"
#include "emulator/hub/tier.h"
#include "emulator/hub/twins.h"
#include "storage/store.h"

namespace iothub::hub {

class Background;
class BlobAccount;
struct BlobAccountOptions;
class C2d;
class FaultRules;
class Feedback;
class EventRetention;
class Notifications;
class Observers;
class Refusals;
struct Metrics;
class RegistryJobs;

namespace routing {
class Routing;
class RouteEndpoint;
struct EndpointDescription;
}  // namespace routing
class Faults;
class Throttle;
class Uploads;
class EventReader;
class Settings;

struct HubOptions {
  std::vector<std::string> host_names{
      "localhost"};  ///< the first is the hub's own name; its first label is the short name
  std::vector<Policy> policies = default_policies();
  AuthOptions auth;  ///< app sets the service's graces (limits.h) or --sas-grace
  std::chrono::seconds event_retention = std::chrono::days(1);
  std::optional<std::int64_t> event_retention_bytes;  ///< nothing: by time only
  bool lenient = false;                               ///< what the real hub refuses and `--lenient` accepts
  /// Rules over SAS expiry where the hub's clock is a virtual one; null: the hub's clock does. Outlives the hub.
  const Clock* sas_clock = nullptr;
  bool fault_injection = false;  ///< obeys fault_injection.h; an ordinary hub takes those messages as telemetry
  std::optional<HubSize> size;   ///< turns throttles and quotas on (throttle.h)
  /// Opens the endpoints of the routes that the hub keeps; empty: it keeps none (settings.h).
  std::function<std::unique_ptr<routing::RouteEndpoint>(const routing::EndpointDescription&)> open_endpoint{};
};

class Hub {
 public:
  /// The store, clock, scheduler and random source must outlive the hub.
  Hub(HubOptions options, storage::Store& store, const Clock& clock, Scheduler& scheduler, RandomSource& random);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  const std::string& host_name() const { return options_.host_names.front(); }
  const std::vector<std::string>& host_names() const { return options_.host_names; }
  /// First label of the host name; an address stays whole.
  const std::string& short_name() const { return short_name_; }
  bool lenient() const { return options_.lenient; }
  bool fault_injection() const { return options_.fault_injection; }

  const Clock& clock() const { return clock_; }
  Scheduler& scheduler() { return scheduler_; }
  Auth& auth() { return auth_; }
  const Auth& auth() const { return auth_; }
  Registry& registry() { return registry_; }
  Twins& twins() { return twins_; }
  Links& links() { return links_; }
  Configurations& configurations() { return configurations_; }
  Methods& methods() { return methods_; }
  query::Queries& queries() { return queries_; }
  Jobs& jobs() { return jobs_; }
  Events& events() { return events_; }
  routing::Routing& routing() { return *routing_; }
  EventReader& event_reader() { return *event_reader_; }
  Sessions& sessions() { return sessions_; }
  C2d& c2d() { return *c2d_; }
  Feedback& feedback() { return *feedback_; }
  Uploads& uploads() { return *uploads_; }
  Throttle& throttle() { return *throttle_; }
  Faults& faults() { return *faults_; }
  Observers& observers() { return *observers_; }
  Metrics& metrics() { return *metrics_; }
  Refusals& refusals() { return *refusals_; }
  FaultRules& fault_rules() { return *fault_rules_; }
  RegistryJobs& registry_jobs() { return *registry_jobs_; }
  /// Storage of the hub's own, also for its devices' uploads. Throws storage::Error.
  void open_blobs(BlobAccountOptions options);
  /// Null until open_blobs().
  BlobAccount* blobs() { return blobs_.get(); }
  /// What blocks runs there, and until then in the hub's own thread; outlives the hub's last call.
  void use_background(Background& background) { background_ = &background; }
  Background& background() { return *background_; }
  Settings& settings() { return *settings_; }

  /// Runs calls as one: what they wrote is undone when `work` returns false. They make no events. With `hidden_links`
  /// connected devices do not hear of them and nothing of a link changes, so that all of it can be undone; without,
  /// `work` must not fail any more once it has reached a link. A storage::Error passes through, and has undone it all.
  enum class LinksAre { shown, hidden };
  bool attempt(LinksAre links, const std::function<bool()>& work);

  /// Random bytes as 32 lower-case hex digits: tracking ids.
  std::string new_tracking_id();

  /// Whether calls since the last commit() wrote anything.
  bool has_uncommitted() const { return store_.has_uncommitted(); }
  /// Makes the turn's writes durable. False (and logged): they are lost, the caches are dropped, nothing of the turn
  /// may be acknowledged.
  [[nodiscard]] bool commit();
  /// commit() in the middle of a turn, for what must be durable before something else is done; throws storage::Error
  /// when it fails.
  void commit_now();
  /// After a storage::Error inside a call: the open transaction is gone, so the caches are too.
  void roll_back();
  /// The store's content was exchanged under the hub (reset, restore), and committed: every link has been closed
  /// before, and all that was known of the old content is forgotten.
  void store_replaced();
  /// The same for one device and its modules, whose links may go on.
  void device_replaced(const DeviceId& device);

 private:
  void schedule_activity_flush();
  void forget();

  HubOptions options_;
  std::string short_name_;
  storage::Store& store_;
  const Clock& clock_;
  Scheduler& scheduler_;
  RandomSource& random_;
  std::unique_ptr<Observers> observers_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Refusals> refusals_;
  std::unique_ptr<FaultRules> fault_rules_;
  std::unique_ptr<Throttle> throttle_;  ///< before those that ask it
  IdentityCache identities_;
  TwinCache twin_cache_;
  Links links_;
  Auth auth_;
  Registry registry_;
  Twins twins_;
  Configurations configurations_;
  Methods methods_;
  query::Queries queries_;
  Jobs jobs_;
  std::unique_ptr<routing::Routing> routing_;
  Events events_;
  std::unique_ptr<Notifications> notifications_;
  std::unique_ptr<EventReader> event_reader_;
  Sessions sessions_;
  std::unique_ptr<Feedback> feedback_;
  std::unique_ptr<C2d> c2d_;
  std::unique_ptr<EventRetention> event_retention_;
  std::unique_ptr<Uploads> uploads_;
  std::unique_ptr<Faults> faults_;
  Listeners<const std::string&>::Listener consumer_group_removed_;
  std::unique_ptr<Background> foreground_;
  Background* background_;
  std::unique_ptr<BlobAccount> blobs_;
  std::unique_ptr<RegistryJobs> registry_jobs_;
  std::unique_ptr<Settings> settings_;
  bool silent_ = false;  ///< changes make no events
  Timer activity_flush_;
};

}  // namespace iothub::hub
