#include "emulator/hub/configurations_dry_run.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "emulator/hub/configurations_content.h"
#include "emulator/hub/configurations_json.h"
#include "emulator/hub/hub.h"

namespace iothub::hub {
namespace {

constexpr std::size_t kShownTargets = 100;
/// Of all configurations together, so that a person need not wait.
constexpr std::int64_t kMostRows = 1'000'000;
constexpr std::string_view kModulesPrefix = "from devices.modules where";

/// One that may hold for the same twins.
struct Ranked {
  Configuration configuration;
  std::set<Identity> matched{};
  std::vector<bool> overrules{};  ///< of the draft's leaves, those whose place it takes; of a stronger one only
};

bool is_stronger(const Ranked& a, const Ranked& b) {
  return is_weaker(b.configuration, a.configuration);
}

/// The twins it is for; empty: none.
std::string query_of(const Configuration& configuration) {
  const bool all = configuration.target.kind == ConfigurationTarget::Kind::all;
  const std::string& text = configuration.target_condition;
  if (configuration.target.kind == ConfigurationTarget::Kind::none) return {};
  switch (configuration.family) {
    case ConfigurationFamily::device:
      return "select deviceId from devices" + (all ? std::string() : " where " + text);
    case ConfigurationFamily::module:
      return "select deviceId, moduleId from devices.modules where" + text.substr(kModulesPrefix.size());
    case ConfigurationFamily::edge:
      return "select deviceId from devices where capabilities.iotEdge = true" +
             (all ? std::string() : " and (" + text + ")");
  }
  return {};
}

std::string_view name_of(ConfigurationFamily family) {
  switch (family) {
    case ConfigurationFamily::device:
      return "device";
    case ConfigurationFamily::module:
      return "module";
    case ConfigurationFamily::edge:
      return "edge";
  }
  return {};
}

/// One of them would stand in the other's place.
bool collide(const LeafPath& a, const LeafPath& b) {
  return starts_with(a, b) || starts_with(b, a);
}

std::string text_of(const LeafPath& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : ".") + name;
  return text;
}

std::vector<DesiredLeaf> leaves_of_twin(const Configuration& configuration) {
  return leaves_of(twin_content_of(configuration));
}

std::vector<bool> overruled_by(const Configuration& other, const std::vector<DesiredLeaf>& leaves) {
  const std::vector<DesiredLeaf> theirs = leaves_of_twin(other);
  std::vector<bool> overruled;
  overruled.reserve(leaves.size());
  for (const DesiredLeaf& leaf : leaves) {
    overruled.push_back(std::any_of(theirs.begin(), theirs.end(),
                                    [&](const DesiredLeaf& each) { return collide(each.path, leaf.path); }));
  }
  return overruled;
}

/// The paths of the draft that a stronger one writes, with its id.
Json overruled_paths(const std::vector<DesiredLeaf>& leaves, const std::vector<const Ranked*>& stronger) {
  Json overruled = Json::array();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto by =
        std::find_if(stronger.begin(), stronger.end(), [i](const Ranked* other) { return other->overrules[i]; });
    if (by == stronger.end()) continue;
    overruled.push_back({{"path", text_of(leaves[i].path)}, {"by", (*by)->configuration.id}});
  }
  return overruled;
}

/// Of deployments the strongest base and the layered ones above it are written.
Json deployment_json(const Configuration& draft, const std::vector<const Ranked*>& stronger,
                     const std::vector<const Ranked*>& all) {
  const auto base_of = [](const std::vector<const Ranked*>& some) {
    return std::find_if(some.begin(), some.end(), [](const Ranked* each) { return is_base(each->configuration); });
  };
  if (const auto base = base_of(stronger); base != stronger.end()) {
    return {{"applies", false}, {"overruled", Json::array({{{"path", "*"}, {"by", (*base)->configuration.id}}})}};
  }
  const bool has_base = is_base(draft) || base_of(all) != all.end();
  Json json{{"applies", has_base}, {"overruled", Json::array()}};
  if (!has_base) json["reason"] = "a layered deployment needs one below it that has all of $edgeAgent";
  return json;
}

Json target_json(const Identity& target, const Ranked& draft, const std::vector<DesiredLeaf>& leaves,
                 const std::vector<Ranked>& ranked) {
  Json json{{"device", target.device.value}};
  if (target.is_module()) json["module"] = target.module.value;
  Json ranks = Json::array();
  std::vector<const Ranked*> stronger, all;
  for (const Ranked& each : ranked) {
    if (!each.matched.contains(target)) continue;
    ranks.push_back({{"id", each.configuration.id}, {"priority", each.configuration.priority}});
    all.push_back(&each);
    if (is_stronger(each, draft)) stronger.push_back(&each);
  }
  json["ranks"] = std::move(ranks);
  if (draft.configuration.family == ConfigurationFamily::edge) {
    json.update(deployment_json(draft.configuration, stronger, all));
    return json;
  }
  Json overruled = overruled_paths(leaves, stronger);
  json["applies"] = overruled.size() < leaves.size();
  json["overruled"] = std::move(overruled);
  return json;
}

/// The hub's configurations of the draft's family, with it in the place of the one it would replace; the strongest
/// first. The draft is at `place`.
std::vector<Ranked> ranked_with(Hub& hub, Configuration draft, std::size_t& place) {
  std::vector<Ranked> ranked;
  for (const Json& each : hub.configurations().list()) {
    const std::string id = text_member(each, "id");
    const std::optional<Timestamp> created = text::parse_iso_time(text_member(each, "createdTimeUtc"));
    if (id == draft.id) {
      draft.created = created.value_or(draft.created);
      continue;
    }
    Result<Configuration> known = configuration_from_json(each, id, nullptr);
    if (!known || known->family != draft.family) continue;
    known->created = created.value_or(Timestamp{});
    ranked.push_back({std::move(*known)});
  }
  const std::string id = draft.id;
  ranked.push_back({std::move(draft)});
  std::sort(ranked.begin(), ranked.end(), is_stronger);
  const auto found =
      std::find_if(ranked.begin(), ranked.end(), [&](const Ranked& each) { return each.configuration.id == id; });
  place = static_cast<std::size_t>(found - ranked.begin());
  return ranked;
}

Json invalid(const HubError& error) {
  Json json{{"valid", false}, {"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (!error.reason.empty()) json["reason"] = error.reason;
  return json;
}

}  // namespace

/// The draft's query, then those of the others if it matches anything.
class DryRun::Work {
 public:
  Work(Hub& hub, Configuration draft, bool keeps_content) : hub_(hub), keeps_content_(keeps_content) {
    ranked_ = ranked_with(hub, std::move(draft), own_);
    const Configuration& own = ranked_[own_].configuration;
    // Deployments have modules, which are not laid over each other path by path.
    if (own.family != ConfigurationFamily::edge) leaves_ = leaves_of_twin(own);
  }

  bool step() {
    if (!run_ && !begin_query()) return true;
    if (rows_ + run_->rows_read() >= kMostRows) return true;
    if (!run_->step()) return false;
    rows_ += run_->rows_read();
    Ranked& matching = ranked_[matching_place()];
    for (const Json& row : Json::parse(run_->page().array())) {
      matching.matched.insert(Identity{{text_member(row, "deviceId")}, {text_member(row, "moduleId")}});
    }
    continuation_ = run_->page().continuation;
    run_.reset();
    if (!continuation_) ++next_;
    return false;
  }

  Json answer() const {
    const Ranked& own = ranked_[own_];
    Json targets = Json::array();
    for (const Identity& target : own.matched) {
      if (targets.size() == kShownTargets) break;
      targets.push_back(target_json(target, own, leaves_, ranked_));
    }
    return {{"valid", true},
            {"family", name_of(own.configuration.family)},
            {"keepsContent", keeps_content_},
            {"query", query_of(own.configuration)},
            {"matched", own.matched.size()},
            {"complete", complete_},
            {"targets", std::move(targets)}};
  }

 private:
  /// The draft's turn is before the others'.
  std::size_t matching_place() const {
    if (next_ == 0) return own_;
    return next_ <= own_ ? next_ - 1 : next_;
  }

  /// False when there is none left.
  bool begin_query() {
    for (; next_ < ranked_.size(); ++next_) {
      if (next_ > 0 && ranked_[own_].matched.empty()) break;
      Ranked& matching = ranked_[matching_place()];
      const std::string query = query_of(matching.configuration);
      if (query.empty()) continue;
      if (!leaves_.empty() && !continuation_ && matching_place() < own_) {
        matching.overrules = overruled_by(matching.configuration, leaves_);
      }
      // A condition that is valid makes a query that is.
      run_ = std::move(hub_.queries().start(query, query::kMaxPageSize, continuation_).value());
      return true;
    }
    complete_ = true;
    return false;
  }

  Hub& hub_;
  const bool keeps_content_;
  std::vector<Ranked> ranked_;
  std::size_t own_ = 0;  ///< the draft's place among them
  std::vector<DesiredLeaf> leaves_;
  std::size_t next_ = 0;  ///< whose turn it is: the draft's, then the others' by rank
  std::unique_ptr<query::Run> run_;
  std::optional<std::string> continuation_;
  std::int64_t rows_ = 0;
  bool complete_ = false;
};

DryRun::DryRun(Hub& hub, const std::string& id, const Json& body) {
  if (!valid_configuration_id(id)) {
    invalid_ = invalid(argument_invalid("Invalid configuration id", "ids have 1-128 of a-z 0-9 - + % _ * ! '"));
    return;
  }
  // The content of a configuration that is there does not change.
  const Result<Json> existing = hub.configurations().get(id);
  const Json* kept = existing ? member(*existing, "content") : nullptr;
  Result<Configuration> draft = configuration_from_json(body, id, kept);
  if (!draft) {
    invalid_ = invalid(draft.error());
    return;
  }
  draft->created = hub.clock().now();
  work_ = std::make_unique<Work>(hub, std::move(*draft), kept != nullptr);
}

DryRun::~DryRun() = default;

bool DryRun::step() {
  return !work_ || work_->step();
}

Json DryRun::answer() const {
  return work_ ? work_->answer() : invalid_;
}

}  // namespace iothub::hub
