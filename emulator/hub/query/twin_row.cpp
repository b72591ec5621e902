#include "emulator/hub/query/twin_row.h"

#include "emulator/hub/twin_json.h"

namespace iothub::hub::query {
namespace {

/// The name at a step, empty for an index or beyond the end.
std::string_view name_at(const Path& path, std::size_t step) {
  if (step >= path.steps.size()) return {};
  const std::string* name = std::get_if<std::string>(&path.steps[step]);
  return name == nullptr ? std::string_view() : std::string_view(*name);
}

}  // namespace

const storage::TwinRow& TwinRow::stored() const {
  if (!twin_) twin_ = store_.twin(identity_.device_id, identity_.module_id).value_or(storage::TwinRow{});
  return *twin_;
}

const Json& TwinRow::parsed(std::optional<Json>& slot, const std::string& text) {
  if (!slot) slot = Json::parse(text);
  return *slot;
}

Json TwinRow::document() const {
  const Twin twin = from_row(stored());
  const LinkState link = links_.state({{identity_.device_id}, {identity_.module_id}},
                                      identity_.connection_state_updated_time, identity_.last_activity_time);
  return twin_to_json({&twin, &identity_, link, 0});
}

Value TwinRow::section(const Path& path, const std::string& values, const std::string& metadata, std::int64_t version,
                       std::optional<Json>& values_slot, std::optional<Json>& metadata_slot) const {
  const std::string_view name = name_at(path, 2);
  if (name == "$version" && path.steps.size() == 3) return static_cast<double>(version);
  if (name == "$metadata") return descend(parsed(metadata_slot, metadata), path, 3);
  if (path.steps.size() == 2) return descend(parsed(rest_, dump(document())), path, 0);  // the section as GET shows it
  return descend(parsed(values_slot, values), path, 2);
}

Value TwinRow::resolve(const Path& path) const {
  const std::string_view root = name_at(path, 0);
  if (root == "deviceId" && path.steps.size() == 1) return identity_.device_id;
  if (root == "moduleId" && path.steps.size() == 1) {
    return identity_.module_id.empty() ? Value(Undefined{}) : Value(identity_.module_id);
  }
  if (root == "status" && path.steps.size() == 1) return std::string(identity_.enabled ? "enabled" : "disabled");
  if (root == "tags") return descend(parsed(tags_, stored().tags), path, 1);
  if (root == "properties") {
    const storage::TwinRow& twin = stored();
    if (name_at(path, 1) == "desired") {
      return section(path, twin.desired, twin.desired_metadata, twin.desired_version, desired_, desired_metadata_);
    }
    if (name_at(path, 1) == "reported") {
      return section(path, twin.reported, twin.reported_metadata, twin.reported_version, reported_, reported_metadata_);
    }
  }
  return descend(parsed(rest_, dump(document())), path, 0);
}

}  // namespace iothub::hub::query
