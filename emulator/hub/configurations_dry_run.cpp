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
constexpr std::int64_t kMostRows = 200'000;
constexpr std::string_view kModulesPrefix = "from devices.modules where";

/// One that may hold for the same twins.
struct Ranked {
  Configuration configuration;
  std::set<Identity> matched{};
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

/// Runs queries one after the other until the rows that may be read have been.
class Matcher {
 public:
  explicit Matcher(Hub& hub) : hub_(hub) {}

  bool complete() const { return complete_; }

  std::set<Identity> matched(const std::string& query) {
    std::set<Identity> identities;
    std::optional<std::string> continuation;
    if (query.empty()) return identities;
    do {
      const auto run = hub_.queries().start(query, query::kMaxPageSize, continuation);
      if (!run) break;  // a condition that is valid makes a query that is
      bool done = false;
      while (!done && rows_ + (*run)->rows_read() < kMostRows) done = (*run)->step(query::kSliceRows);
      rows_ += (*run)->rows_read();
      if (!done) {
        complete_ = false;
        return identities;
      }
      add((*run)->page().items, identities);
      continuation = (*run)->page().continuation;
    } while (continuation);
    return identities;
  }

 private:
  static void add(const std::string& items, std::set<Identity>& identities) {
    for (const Json& row : Json::parse(items)) {
      identities.insert(Identity{{text_member(row, "deviceId")}, {text_member(row, "moduleId")}});
    }
  }

  Hub& hub_;
  std::int64_t rows_ = 0;
  bool complete_ = true;
};

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

/// The paths of the draft that a stronger one writes, with its id.
Json overruled_paths(const Configuration& draft, const std::vector<const Ranked*>& stronger) {
  Json overruled = Json::array();
  for (const DesiredLeaf& leaf : leaves_of_twin(draft)) {
    for (const Ranked* other : stronger) {
      const std::vector<DesiredLeaf> theirs = leaves_of_twin(other->configuration);
      const bool collides = std::any_of(theirs.begin(), theirs.end(),
                                        [&](const DesiredLeaf& each) { return collide(each.path, leaf.path); });
      if (!collides) continue;
      overruled.push_back({{"path", text_of(leaf.path)}, {"by", other->configuration.id}});
      break;
    }
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

Json target_json(const Identity& target, const Ranked& draft, const std::vector<Ranked>& ranked) {
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
  Json overruled = overruled_paths(draft.configuration, stronger);
  json["applies"] = overruled.size() < leaves_of_twin(draft.configuration).size();
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

Json dry_run(Hub& hub, const std::string& id, const Json& body) {
  if (!valid_configuration_id(id)) {
    return invalid(argument_invalid("Invalid configuration id", "ids have 1-128 of a-z 0-9 - + % _ * ! '"));
  }
  // The content of a configuration that is there does not change.
  const Result<Json> existing = hub.configurations().get(id);
  const Json* kept = existing ? member(*existing, "content") : nullptr;
  Result<Configuration> draft = configuration_from_json(body, id, kept);
  if (!draft) return invalid(draft.error());
  draft->created = hub.clock().now();

  std::size_t place = 0;
  std::vector<Ranked> ranked = ranked_with(hub, std::move(*draft), place);
  Matcher matcher(hub);
  Ranked& own = ranked[place];
  own.matched = matcher.matched(query_of(own.configuration));
  if (!own.matched.empty()) {
    for (Ranked& each : ranked) {
      if (&each != &own) each.matched = matcher.matched(query_of(each.configuration));
    }
  }
  Json targets = Json::array();
  for (const Identity& target : own.matched) {
    if (targets.size() == kShownTargets) break;
    targets.push_back(target_json(target, own, ranked));
  }
  return {{"valid", true},
          {"family", name_of(own.configuration.family)},
          {"keepsContent", kept != nullptr},
          {"query", query_of(own.configuration)},
          {"matched", own.matched.size()},
          {"complete", matcher.complete()},
          {"targets", std::move(targets)}};
}

}  // namespace iothub::hub
