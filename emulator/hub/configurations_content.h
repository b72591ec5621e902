#pragma once
/// What configurations write into desired properties, leaf by leaf: pure functions over trees (documentation: Automatic
/// device management; Deploy IoT Edge modules at scale).
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "emulator/hub/twin.h"

namespace iothub::hub {

/// Names from the root of desired down.
using LeafPath = std::vector<std::string>;
bool starts_with(const LeafPath& path, const LeafPath& prefix);

/// A value that is written whole: anything but an object with members. `by` and `digest` become `$lastUpdatedBy` and
/// `$lastUpdatedByDigest` of its metadata, as a real twin shows them at leaves only; empty: no such members.
struct DesiredLeaf {
  LeafPath path;
  Json value;  ///< null removes
  std::string by;
  std::string digest;
  std::size_t order = 0;  ///< its place among the plan's leaves: members appear as the content has them
};

/// The leaves of one twin's content (`{"properties.desired.a":{"b":1}}` has a.b).
std::vector<DesiredLeaf> leaves_of(const Json& twin_content);
/// The tree that has these leaves; of two that collide the later stands.
Json tree_of(const std::vector<DesiredLeaf>& leaves);

/// The modules that a deployment's content needs: those it names, and those $edgeAgent is to run; without $edgeAgent
/// and $edgeHub.
std::vector<std::string> modules_named_by(const Json& modules_content);

/// A configuration's part in a twin's content, in the order in which they are laid one over another.
struct ContentLayer {
  const Json* content = nullptr;  ///< one twin's
  std::string by;
  std::string digest;
};
/// What several configurations make of one twin: per path the last layer's leaf.
struct DesiredPlan {
  std::map<LeafPath, DesiredLeaf> leaves;
  std::size_t next_order = 0;
  bool whole = false;  ///< nothing else stays: a layer had `properties.desired` itself (deployments)
};
/// The plan's leaves in the order of the content.
std::vector<DesiredLeaf> in_order(const DesiredPlan& plan);
/// Automatic configurations: objects of different layers merge.
DesiredPlan merge_layers(const std::vector<ContentLayer>& layers);
/// Deployments: a later layer's path replaces all that stood there, its `properties.desired` everything.
DesiredPlan replace_layers(const std::vector<ContentLayer>& layers);

/// What to do to one twin: leaves to write, and its `configurations` member afterwards.
struct ConfigurationChange {
  std::vector<DesiredLeaf> leaves;
  bool whole = false;                  ///< desired becomes these leaves and nothing else
  std::optional<Json> configurations;  ///< nothing: stays
};

/// Who last wrote a leaf, if a configuration did.
struct LeafStamp {
  std::string by;
  std::string digest;
};

/// What is missing in the twin of an automatic configuration's plan. A leaf that already bears its owner's stamp is
/// left alone, and so is one that somebody else has overwritten or removed since, unless `writes_anew` says of its
/// owner that it is applied now. Leaves whose stamp `has_departed` are removed, with the objects that held nothing
/// else.
std::vector<DesiredLeaf> missing_leaves(const Twin& twin, const DesiredPlan& plan,
                                        const std::function<bool(const std::string& configuration)>& writes_anew,
                                        const std::function<bool(const LeafStamp& stamp)>& has_departed);

/// Whether the desired properties are the plan's already, stamps and all.
bool is_in_place(const Twin& twin, const DesiredPlan& plan);

struct ConfiguredTwin {
  Twin twin;
  std::optional<DesiredChange> desired;  ///< what the device is told; nothing when desired did not move
  Json written;                          ///< the same without its version
};
/// The twin after the change. A change of `configurations` alone moves no version. 400004 when desired would be too
/// large.
Result<ConfiguredTwin> configured(const Twin& twin, const ConfigurationChange& change, std::string_view now);

}  // namespace iothub::hub
