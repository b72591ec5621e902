// Patches of a twin, line by line: versions move by one or not at all, values are what RFC 7386 says (nlohmann's own
// merge is the judge), `$metadata` stands over every value, and a refusal changes nothing.
#include <optional>

#include "emulator/hub/json.h"
#include "emulator/hub/twin_json.h"
#include "emulator/hub/twin_merge.h"
#include "emulator/hub/twin_validation.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

using hub::Json;

/// The stamp, and a node for each member and no other.
void require_mirrors(const Json& metadata, const Json& values) {
  require(metadata.is_object() && metadata.contains("$lastUpdated"), "a node of $metadata has its time");
  std::size_t nodes = 0;
  for (const auto& [name, node] : metadata.items()) {
    if (name.starts_with('$')) continue;
    ++nodes;
    require(values.is_object() && values.contains(name), "$metadata has a node of nothing: " + name);
    require_mirrors(node, values.at(name));
  }
  require(!values.is_object() || nodes == values.size(), "$metadata has a node for each member");
}

/// RFC 7386 by another hand.
Json merged(Json values, const Json& patch) {
  values.merge_patch(patch);
  return values;
}

struct State {
  std::int64_t etag, version, desired_version, reported_version;
  Json tags, desired, reported;
  bool operator==(const State&) const = default;
};

State state_of(FuzzWorld& world) {
  const hub::Twin& twin = *world.hub.twins().get(kD1).value().twin;
  return {twin.etag, twin.version,        twin.desired.version, twin.reported.version,
          twin.tags, twin.desired.values, twin.reported.values};
}

void require_sound(FuzzWorld& world) {
  const hub::TwinView view = world.hub.twins().get(kD1).value();
  require_mirrors(view.twin->desired.metadata, view.twin->desired.values);
  require_mirrors(view.twin->reported.metadata, view.twin->reported.values);
  const std::string text = hub::device_twin_text(*view.twin);
  require(hub::parse_json(text).has_value(), "a device can read its twin: " + text);
  require(hub::parse_json(hub::dump(hub::twin_to_json(view))).has_value(), "a service can read a twin");
}

void patch_reported(FuzzWorld& world, const Json& patch) {
  const State before = state_of(world);
  const auto answer = world.hub.twins().patch_reported(kD1, patch);
  const State after = state_of(world);
  if (!answer) {
    require(after == before, "a refused patch changed the twin");
    return;
  }
  require(*answer == after.reported_version, "the answer tells the version");
  require(after.reported_version - before.reported_version == after.version - before.version, "both versions move");
  require(after.reported_version - before.reported_version <= 1, "a version moves by one");
  require(after.reported == merged(before.reported, hub::without_dollar_members(patch)), "reported is merged");
  require(after.reported != before.reported || after.desired == before.desired, "nothing else changed");
}

void write_service(FuzzWorld& world, const Json& body, bool replace) {
  const State before = state_of(world);
  const auto answer = replace ? world.hub.twins().replace(kD1, body, hub::IfMatch::none())
                              : world.hub.twins().patch(kD1, body, hub::IfMatch::none());
  const bool accepted = answer.has_value();
  const State after = state_of(world);
  if (!accepted) {
    require(after == before, "a refused write changed the twin");
    return;
  }
  require(after.version - before.version == after.etag - before.etag && after.etag - before.etag <= 1, "versions move");
  require(after.desired_version - before.desired_version <= 1, "a version moves by one");
  require(after.reported == before.reported && after.reported_version == before.reported_version,
          "reported is the device's");
  const auto section = [&](const Json* in, const char* name) {
    const Json* found = in == nullptr ? nullptr : hub::member(*in, name);
    return found == nullptr ? Json::object() : hub::without_dollar_members(*found);
  };
  const Json tags = section(&body, "tags");
  const Json desired = section(hub::member(body, "properties"), "desired");
  require(after.tags == merged(replace ? Json::object() : before.tags, tags), "tags are merged");
  require(after.desired == merged(replace ? Json::object() : before.desired, desired), "desired is merged");
}

void require_difference_leads(const Json& from, const Json& to) {
  if (!hub::validate_section(from, "x") || !hub::validate_section(to, "x")) return;
  hub::TwinProperties properties;
  hub::replace_properties(properties, from, "2026-11-22T02:33:52Z", true);
  const Json before = properties.values;
  const Json patch = hub::replace_properties(properties, to, "2026-11-22T02:33:53Z", true);
  // A patch cannot say in which order members are to stand.
  require(nlohmann::json(merged(before, patch)) == nlohmann::json(properties.values),
          "the difference leads from old to new: " + patch.dump());
}

}  // namespace

void twin_patches(std::string_view bytes) {
  Input input(bytes);
  FuzzWorld world;
  Json last = Json::object();
  for (int lines = 0; lines < 16 && !input.empty(); ++lines) {
    const std::string_view line = input.line();
    if (line.empty()) continue;
    const auto json = hub::parse_json(line.substr(1));
    if (!json) continue;
    switch (line.front()) {
      case 'r':
        patch_reported(world, *json);
        break;
      case 'p':
        write_service(world, *json, false);
        break;
      case 'u':
        write_service(world, *json, true);
        break;
      default:
        require_difference_leads(last, *json);
        last = *json;
        continue;
    }
    require_sound(world);
  }
}

}  // namespace iothub::fuzz
