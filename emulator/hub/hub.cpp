#include "emulator/hub/hub.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "emulator/hub/background.h"
#include "emulator/hub/blobs/blob_account.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/event_reader.h"
#include "emulator/hub/event_retention.h"
#include "emulator/hub/fault_injection.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/feedback.h"
#include "emulator/hub/metrics.h"
#include "emulator/hub/notifications.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/refusals.h"
#include "emulator/hub/registry_jobs.h"
#include "emulator/hub/routing/routing.h"
#include "emulator/hub/settings.h"
#include "emulator/hub/throttle.h"
#include "emulator/hub/uploads.h"
#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

/// Connection times are written behind: at most this long lies between a connect and the row that shows it after a
/// crash.
constexpr std::chrono::seconds kActivityFlushInterval{5};

std::string first_label(const std::string& host) {
  const bool address = host.find(':') != std::string::npos ||
                       std::all_of(host.begin(), host.end(), [](char c) { return text::is_digit(c) || c == '.'; });
  return address ? host : host.substr(0, host.find('.'));
}

std::string connected_detail(DeviceLink* link) {
  if (link == nullptr) return {};
  const LinkPeer peer = link->peer();
  return detail_text({{"protocol", peer.protocol}, {"address", peer.address}, {"connection", peer.connection}});
}

std::string twin_detail(TwinCache& twins, const Identity& identity, const TwinUpdate& update) {
  Json detail = Json::object();
  if (const Twin* twin = twins.find(identity)) {
    detail["version"] = twin->version;
    detail["desiredVersion"] = twin->desired.version;
    detail["reportedVersion"] = twin->reported.version;
  }
  if (update.replaced) detail["replaced"] = true;
  if (update.tags != nullptr) detail["tags"] = *update.tags;
  if (update.desired != nullptr) detail["desired"] = *update.desired;
  if (update.reported != nullptr) detail["reported"] = *update.reported;
  return dump(detail);
}

}  // namespace

Hub::Hub(HubOptions options, storage::Store& store, const Clock& clock, Scheduler& scheduler, RandomSource& random)
    : options_(std::move(options)),
      short_name_(first_label(options_.host_names.front())),
      store_(store),
      clock_(clock),
      scheduler_(scheduler),
      random_(random),
      observers_(std::make_unique<Observers>(clock)),
      metrics_(std::make_unique<Metrics>()),
      refusals_(std::make_unique<Refusals>(clock, *observers_)),
      fault_rules_(std::make_unique<FaultRules>(random, *observers_)),
      throttle_(std::make_unique<Throttle>(options_.size, short_name_, store, clock)),
      identities_(store),
      twin_cache_(store),
      links_(identities_, clock),
      auth_(options_.policies, options_.auth, options_.host_names, identities_,
            options_.sas_clock != nullptr ? *options_.sas_clock : clock),
      registry_(short_name_, store, identities_, twin_cache_, links_, clock, random),
      twins_(twin_cache_, identities_, links_, clock),
      configurations_(store, registry_, twins_, links_, clock, scheduler, options_.lenient),
      methods_(identities_, links_, scheduler, *observers_),
      queries_(store, links_),
      jobs_(store, twins_, methods_, links_, *throttle_, clock, scheduler, options_.lenient),
      routing_(std::make_unique<routing::Routing>(short_name_, twin_cache_)),
      events_(store, twin_cache_, links_, *routing_, *throttle_, clock, *observers_, *metrics_),
      notifications_(
          std::make_unique<Notifications>(short_name_, twin_cache_, *routing_, events_, clock, scheduler, random)),
      event_reader_(std::make_unique<EventReader>(store)),
      sessions_(store),
      feedback_(std::make_unique<Feedback>(store, identities_, clock, scheduler, random, *observers_)),
      c2d_(std::make_unique<C2d>(store, identities_, links_, *feedback_, *throttle_, clock, scheduler, random,
                                 *observers_, *metrics_)),
      event_retention_(std::make_unique<EventRetention>(options_.event_retention, options_.event_retention_bytes, store,
                                                        clock, scheduler)),
      uploads_(std::make_unique<Uploads>(store, clock, scheduler, random)),
      faults_(std::make_unique<Faults>(clock)),
      foreground_(std::make_unique<Foreground>()),
      background_(foreground_.get()),
      registry_jobs_(std::make_unique<RegistryJobs>(*this, store, scheduler, random)),
      settings_(std::make_unique<Settings>(store, auth_, *routing_, options_.open_endpoint)),
      activity_flush_(scheduler) {
  links_.on_gone([this](const Identity& identity) {
    methods_.link_gone(identity);
    c2d_->link_gone(identity);
    if (links_.find(identity) == nullptr) notifications_->disconnected(identity);
    observers_->tell(Happening::disconnected, identity);
  });
  links_.on_connected([this](const Identity& identity) {
    notifications_->connected(identity);
    observers_->tell(Happening::connected, identity, [&] { return connected_detail(links_.find(identity)); });
  });
  registry_.on_lifecycle([this](const Identity& identity, Registry::Lifecycle lifecycle) {
    if (silent_) return;
    notifications_->lifecycle(identity, lifecycle == Registry::Lifecycle::created);
    observers_->tell(
        lifecycle == Registry::Lifecycle::created ? Happening::identity_created : Happening::identity_deleted,
        identity);
  });
  twins_.on_updated([this](const Identity& identity, const TwinUpdate& update) {
    if (silent_) return;
    notifications_->twin_updated(identity, update);
    observers_->tell(Happening::twin_updated, identity, [&] { return twin_detail(twin_cache_, identity, update); });
  });
  registry_.on_changed([this](const Identity& identity) {
    if (identities_.find(identity) == nullptr) {
      c2d_->identity_removed(identity);
      if (!identity.is_module()) uploads_->device_removed(identity.device);
    }
    configurations_.identity_changed(identity);
  });
  twins_.on_changed([this](const Identity& identity) { configurations_.identity_changed(identity); });
  consumer_group_removed_ =
      events_.consumer_groups().on_removed([this](const std::string& group) { event_reader_->end_claims(group); });
  jobs_.resume();
  registry_jobs_->resume();
  schedule_activity_flush();
}

Hub::~Hub() {
  links_.on_gone(nullptr);
}

void Hub::open_blobs(BlobAccountOptions options) {
  blobs_ = std::make_unique<BlobAccount>(std::move(options), store_, clock_, random_);
  uploads_->use_storage(*blobs_);
}

void Hub::schedule_activity_flush() {
  activity_flush_.set(kActivityFlushInterval, [this] {
    links_.flush_activity();
    throttle_->save();
    schedule_activity_flush();
  });
}

std::string Hub::new_tracking_id() {
  std::array<std::byte, 16> bytes;
  random_.fill(bytes);
  std::string id;
  for (const std::byte byte : bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    id += kHex[std::to_integer<std::size_t>(byte >> 4)];
    id += kHex[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return id;
}

bool Hub::commit() {
  try {
    throttle_->save();
    store_.commit();
    if (blobs_) blobs_->committed();
    return true;
  } catch (const storage::Error& error) {
    spdlog::error("hub {}: the turn's writes could not be committed and are dropped: {}", host_name(), error.what());
    roll_back();
    return false;
  }
}

void Hub::commit_now() {
  if (has_uncommitted() && !commit()) throw storage::Error("the turn's writes could not be committed");
}

void Hub::roll_back() {
  store_.roll_back();
  observers_->tell(Happening::rolled_back);
  forget();
}

bool Hub::attempt(LinksAre links, const std::function<bool()>& work) {
  struct Quiet {  // over, however the work ends
    explicit Quiet(Hub& loud, bool hidden) : hub(loud) {
      hub.silent_ = true;
      hub.links_.hide(hidden);
    }
    ~Quiet() {
      hub.silent_ = false;
      hub.links_.hide(false);
    }
    Hub& hub;
  } quiet(*this, links == LinksAre::hidden);

  store_.set_savepoint();
  if (work()) {
    store_.keep_savepoint();
    return true;
  }
  store_.undo_to_savepoint();
  forget();
  return false;
}

void Hub::forget() {
  identities_.clear();
  twin_cache_.clear();
  configurations_.forget();
  feedback_->forget();
  c2d_->forget();
  throttle_->forget();
  if (blobs_) blobs_->rolled_back();
  settings_->forget();
}

void Hub::device_replaced(const DeviceId& device) {
  identities_.clear();
  twin_cache_.clear();
  links_.forget({device}, true);
  c2d_->identity_removed({device});
  configurations_.identity_changed({device});
}

void Hub::store_replaced() {
  identities_.clear();
  twin_cache_.clear();
  links_.forget_all();
  configurations_.forget();
  feedback_->forget();
  c2d_->forget_delivered();
  settings_->forget();
  jobs_.store_replaced();
  registry_jobs_->store_replaced();
  if (blobs_) blobs_->store_replaced();
  commit_now();
  refusals_->clear();
}

}  // namespace iothub::hub
