#include "emulator/hub/configurations.h"

#include <algorithm>
#include <utility>

#include "emulator/hub/query/queries.h"
#include "emulator/hub/query/twin_row.h"
#include "emulator/hub/registry.h"
#include "emulator/hub/slice.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kKind = "configuration";
constexpr std::size_t kMaxConfigurations = 100;  // Quotas and throttling
/// Changed identities beyond this are found by a walk over all of them.
constexpr std::size_t kMaxChangedIdentities = 1000;
/// Conditions and queries evaluated in a slice.
constexpr std::int64_t kSliceEvaluations = 1600;
/// Counting after single twins changed waits in proportion to what it costs: a twentieth of the time goes into it.
constexpr std::chrono::milliseconds kCountDelay{100};
/// Metrics may depend on what nobody tells of (connections); the service counts each five minutes (Automatic device
/// management).
constexpr std::chrono::minutes kCountInterval{5};
/// After lost writes: a disk that is full stays so for a while.
constexpr std::chrono::seconds kRetryDelay{5};

HubError configuration_not_found(const std::string& id) {
  return {ErrorCode::ConfigurationNotFound, "Configuration " + id + " not found", {}, {}};
}
HubError configuration_already_exists(const std::string& id, std::string reason) {
  return {ErrorCode::ConfigurationAlreadyExists,
          "A configuration with ID '" + id + "' already exists.",
          std::move(reason),
          {}};
}
HubError configuration_etag_mismatch(const std::string& id) {
  return {ErrorCode::PreconditionFailed, "ETag mismatch for configuration ID '" + id + "'", {}, {}};
}
HubError too_many_configurations() {
  return {ErrorCode::ConfigurationCountLimitExceeded, "The hub has 100 configurations, which is the limit", {}, {}};
}

}  // namespace

Configurations::Configurations(storage::Store& store, Registry& registry, Twins& twins, const Links& links,
                               const Clock& clock, Scheduler& scheduler, bool lenient)
    : store_(store),
      registry_(registry),
      twins_(twins),
      links_(links),
      clock_(clock),
      lenient_(lenient),
      work_timer_(scheduler),
      count_timer_(scheduler) {
  load();
}

void Configurations::load() {
  if (loaded_) return;
  const std::map<std::string, Configuration> known = std::exchange(configurations_, {});
  for (const storage::Store::Document& document : store_.documents(kKind)) {
    Configuration& configuration =
        configurations_.emplace(document.id, configuration_from_document(Json::parse(document.json))).first->second;
    const auto before = known.find(document.id);
    if (before == known.end() || before->second.updated != configuration.updated) continue;
    configuration.system_results = before->second.system_results;
    configuration.results = before->second.results;
  }
  loaded_ = true;
  configurations_changed();
  if (!configurations_.empty() || !known.empty())
    start_pass(true);  // also what was not settled when the last process ended
}

void Configurations::forget() {
  loaded_ = false;
  changed_.clear();
  pass_.reset();
  merged_.clear();
  by_priority_.clear();
  count_timer_.cancel();
  work_timer_.set(kRetryDelay, [this] { run(); });
}

// ---- the collection -------------------------------------------------------------------------------------------------

Result<Json> Configurations::put(const std::string& id, const Json& body, const IfMatch& if_match) {
  if (!valid_configuration_id(id)) {
    return argument_invalid("Invalid configuration id", "ids have 1-128 of a-z 0-9 - + % _ * ! '");
  }
  load();
  const Configuration* existing = find(id);
  // Probed: a hub takes no notice of an etag without quotes, so that an update becomes a creation.
  const bool unheard = if_match.kind == IfMatch::Kind::value && !if_match.quoted && !lenient_;
  const bool creates = if_match.is_none() || unheard;
  if (creates && existing != nullptr) {
    return configuration_already_exists(id,
                                        unheard ? "its If-Match has no quotes, which the service does not honour" : "");
  }
  if (!creates && existing == nullptr) return configuration_not_found(id);
  if (!creates && !if_match.admits(identity_etag(existing->etag))) return configuration_etag_mismatch(id);
  if (existing == nullptr && configurations_.size() >= kMaxConfigurations) return too_many_configurations();

  Result<Configuration> configuration =
      configuration_from_json(body, id, existing == nullptr ? nullptr : &existing->content);
  if (!configuration) return configuration.error();
  configuration->updated = next_time();
  configuration->created = existing == nullptr ? configuration->updated : existing->created;
  configuration->etag = existing == nullptr ? 1 : existing->etag + 1;

  store_.put_document(kKind, id, dump(configuration_to_document(*configuration)));
  const Json answer = configuration_to_json(*configuration);
  configurations_.insert_or_assign(id, std::move(*configuration));
  rewritten_.insert(id);
  configurations_changed();
  start_pass(true);
  return answer;
}

Result<Json> Configurations::get(const std::string& id) {
  load();
  const Configuration* configuration = find(id);
  if (configuration == nullptr) return configuration_not_found(id);
  return configuration_to_json(*configuration);
}

Json Configurations::list() {
  load();
  // Recorded: not by id, but as they were made.
  std::vector<const Configuration*> by_creation;
  for (const auto& [id, configuration] : configurations_) by_creation.push_back(&configuration);
  std::stable_sort(by_creation.begin(), by_creation.end(),
                   [](const Configuration* a, const Configuration* b) { return a->created < b->created; });
  Json list = Json::array();
  for (const Configuration* configuration : by_creation) list.push_back(configuration_to_json(*configuration));
  return list;
}

Result<void> Configurations::remove(const std::string& id, const IfMatch& if_match) {
  load();
  const Configuration* existing = find(id);
  if (existing == nullptr) return configuration_not_found(id);
  if (!if_match.is_none() && !if_match.admits(identity_etag(existing->etag))) return configuration_etag_mismatch(id);
  store_.remove_document(kKind, id);
  configurations_.erase(id);
  rewritten_.erase(id);
  configurations_changed();
  start_pass(true);
  return {};
}

const Configuration* Configurations::find(const std::string& id) const {
  const auto found = configurations_.find(id);
  return found == configurations_.end() ? nullptr : &found->second;
}

/// Two versions never share a time, even when the clock stands still: it is their digest.
Timestamp Configurations::next_time() {
  last_time_.ticks = std::max(clock_.now().ticks, last_time_.ticks + 1);
  return last_time_;
}

void Configurations::configurations_changed() {
  pass_.reset();  // it borrows
  merged_.clear();
  by_priority_.clear();
  for (const auto& [id, configuration] : configurations_) {
    by_priority_.push_back(&configuration);
    last_time_ = std::max(last_time_, configuration.updated);
  }
  std::sort(by_priority_.begin(), by_priority_.end(),
            [](const Configuration* a, const Configuration* b) { return is_weaker(*a, *b); });
}

// ---- when twins are settled and rows counted ------------------------------------------------------------------------

void Configurations::identity_changed(const Identity& identity) {
  if (!loaded_ || configurations_.empty()) return;  // all will be settled; of those removed a pass clears the traces
  changed_.insert(identity);
  if (changed_.size() > kMaxChangedIdentities) start_pass(true);
  wake();
}

void Configurations::start_pass(bool settles) {
  if (settles) changed_.clear();
  pass_.emplace(configurations_, settles);
  counts_stale_ = false;
  counts_soon_ = false;
  count_timer_.cancel();
  wake();
}

void Configurations::wake() {
  if (!work_timer_.is_set()) work_timer_.set(std::chrono::milliseconds{0}, [this] { run(); });
}

void Configurations::run() {
  load();
  if (!changed_.empty()) {
    settle_changed_identities();
  } else if (pass_) {
    step_pass();
  }
  if (!changed_.empty() || pass_) wake();
}

void Configurations::settle_changed_identities() {
  std::int64_t cost = 0;
  while (!changed_.empty() && cost < kSliceCost) {
    const Identity identity = *changed_.begin();
    changed_.erase(changed_.begin());
    const std::optional<storage::IdentityRow> row = store_.identity(identity.device.value, identity.module.value);
    ++cost;
    if (row) cost += kWriteCost * settle(*row, {}, false);
  }
  count_soon();
}

void Configurations::step_pass() {
  Pass& pass = *pass_;
  ++pass.slices;
  const auto evaluations = static_cast<std::int64_t>(1 + pass.counts.query_count() + by_priority_.size());
  const std::int64_t rows = std::clamp<std::int64_t>(kSliceEvaluations / evaluations, 1, kSliceCost);
  const bool modules = pass.kind == storage::Store::Kind::modules;
  const std::vector<storage::IdentityRow> batch =
      store_.identities_after(pass.kind, pass.after_device, pass.after_module, rows);
  std::int64_t cost = 0;
  std::size_t parsed_bytes = 0;
  for (const storage::IdentityRow& identity : batch) {
    if (pass.settles) cost += kWriteCost * settle(identity, rewritten_, true);
    const query::TwinRow row(store_, links_, identity);
    pass.counts.look_at(modules ? query::Source::modules : query::Source::devices, row);
    pass.after_device = identity.device_id;
    pass.after_module = identity.module_id;
    parsed_bytes += row.parsed_bytes();
    if (cost >= kSliceCost || parsed_bytes >= kSliceBytes) return;
  }
  if (static_cast<std::int64_t>(batch.size()) == rows) return;
  if (modules) return finish_pass();
  pass.kind = storage::Store::Kind::modules;
  pass.after_device.clear();
  pass.after_module.clear();
}

void Configurations::finish_pass() {
  pass_->counts.store(configurations_);
  slices_ = pass_->slices;
  if (pass_->settles) rewritten_.clear();
  pass_.reset();
  if (configurations_.empty()) return;
  if (counts_stale_) return count_soon();
  count_timer_.set(kCountInterval, [this] { start_pass(false); });
}

void Configurations::count_soon() {
  counts_stale_ = true;
  if (pass_ || counts_soon_) return;
  counts_soon_ = true;
  count_timer_.set(kCountDelay * slices_, [this] { start_pass(false); });
}

}  // namespace iothub::hub
