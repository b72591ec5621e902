#include "emulator/hub/query/twin_row.h"

#include <algorithm>
#include <iterator>

#include "emulator/hub/etag.h"
#include "emulator/hub/twin_json.h"
#include "protocol/text/timestamp.h"

namespace iothub::hub::query {
namespace {

/// The name at a step, empty for an index or beyond the end.
std::string_view name_at(const Path& path, std::size_t step) {
  if (step >= path.steps.size()) return {};
  const std::string* name = std::get_if<std::string>(&path.steps[step]);
  return name == nullptr ? std::string_view() : std::string_view(*name);
}

Value text_or_undefined(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value(Undefined{});
}

}  // namespace

/// What conditions ask for most, without the document. The rest of the document is found in the document; that both
/// agree is tested member by member.
struct TwinRow::Member {
  std::string_view name;
  Value (*read)(const TwinRow&);
};

const TwinRow::Member TwinRow::kMembers[] = {
    {"deviceId", [](const TwinRow& row) -> Value { return row.identity_.device_id; }},
    {"moduleId",
     [](const TwinRow& row) {
       return row.identity_.module_id.empty() ? Value(Undefined{}) : Value(row.identity_.module_id);
     }},
    {"etag", [](const TwinRow& row) -> Value { return twin_etag(row.stored().etag); }},
    {"deviceEtag", [](const TwinRow& row) -> Value { return identity_etag(row.identity_.etag); }},
    {"status", [](const TwinRow& row) -> Value { return std::string(row.identity_.enabled ? "enabled" : "disabled"); }},
    {"statusReason", [](const TwinRow& row) { return text_or_undefined(row.identity_.status_reason); }},
    {"statusUpdateTime",
     [](const TwinRow& row) -> Value { return text::iso_time({row.identity_.status_updated_time}); }},
    {"connectionState",
     [](const TwinRow& row) -> Value { return std::string(row.link().connected ? "Connected" : "Disconnected"); }},
    {"lastActivityTime", [](const TwinRow& row) -> Value { return text::iso_time(row.link().last_activity); }},
    {"cloudToDeviceMessageCount",
     [](const TwinRow& row) -> Value { return static_cast<double>(row.c2d_message_count()); }},
    {"authenticationType", [](const TwinRow& row) -> Value { return row.identity_.authentication_type; }},
    {"modelId", [](const TwinRow& row) -> Value { return row.stored().model_id; }},
    {"version", [](const TwinRow& row) -> Value { return static_cast<double>(row.stored().version); }},
    {"deviceScope", [](const TwinRow& row) { return text_or_undefined(row.identity_.device_scope); }},
};

const storage::TwinRow& TwinRow::stored() const {
  if (!twin_) twin_ = store_.twin(identity_.device_id, identity_.module_id).value_or(storage::TwinRow{});
  return *twin_;
}

LinkState TwinRow::link() const {
  return links_.state({{identity_.device_id}, {identity_.module_id}}, identity_.connection_state_updated_time,
                      identity_.last_activity_time);
}

std::int64_t TwinRow::c2d_message_count() const {
  return store_.c2d_message_count(identity_.device_id, identity_.module_id);
}

const Json& TwinRow::parsed(std::optional<Json>& slot, const std::string& text) const {
  if (!slot) {
    slot = Json::parse(text);
    parsed_bytes_ += text.size();
  }
  return *slot;
}

Json TwinRow::document() const {
  const storage::TwinRow& row = stored();
  parsed_bytes_ += row.tags.size() + row.desired.size() + row.desired_metadata.size() + row.reported.size() +
                   row.reported_metadata.size() + row.configurations.size();
  const Twin twin = from_row(row);
  return twin_row_to_json({&twin, &identity_, link(), c2d_message_count()});
}

const Json& TwinRow::whole() const {
  if (!whole_) whole_ = document();
  return *whole_;
}

std::optional<Value> TwinRow::member(const Path& path) const {
  const std::string_view root = name_at(path, 0);
  if (path.steps.size() == 1) {
    const auto* found = std::find_if(std::begin(kMembers), std::end(kMembers),
                                     [&](const Member& candidate) { return candidate.name == root; });
    if (found != std::end(kMembers)) return found->read(*this);
  }
  if (root == "capabilities" && path.steps.size() == 2 && name_at(path, 1) == "iotEdge") {
    return Value(identity_.iot_edge);
  }
  if (root == "properties" && path.steps.size() == 3 && name_at(path, 2) == "$version") {
    if (name_at(path, 1) == "desired") return static_cast<double>(stored().desired_version);
    if (name_at(path, 1) == "reported") return static_cast<double>(stored().reported_version);
  }
  return std::nullopt;
}

const Json* TwinRow::located(const Path& path) const {
  const std::string_view root = name_at(path, 0);
  if (root == "tags") {
    const Json& tags = parsed(tags_, stored().tags);
    return tags.empty() ? nullptr : find(tags, path, 1);  // an empty section is not in the twin
  }
  if (root == "configurations") {
    const std::string& text = stored().configurations;
    if (text.empty()) return nullptr;
    const Json& configurations = parsed(configurations_, text);
    return configurations.empty() ? nullptr : find(configurations, path, 1);
  }
  if (root == "parentScopes") {
    const std::string& text = identity_.parent_scopes;
    return text.empty() ? nullptr : find(parsed(parent_scopes_, text), path, 1);
  }
  if (root == "properties" && path.steps.size() > 2) {
    const bool metadata = name_at(path, 2) == "$metadata";
    if (name_at(path, 1) == "desired") {
      return metadata ? find(parsed(desired_metadata_, stored().desired_metadata), path, 3)
                      : find(parsed(desired_, stored().desired), path, 2);
    }
    if (name_at(path, 1) == "reported") {
      return metadata ? find(parsed(reported_metadata_, stored().reported_metadata), path, 3)
                      : find(parsed(reported_, stored().reported), path, 2);
    }
  }
  return find(whole(), path, 0);
}

Value TwinRow::resolve(const Path& path) const {
  if (std::optional<Value> value = member(path)) return *value;
  const Json* found = located(path);
  return found == nullptr ? Value(Undefined{}) : from_json(*found);
}

std::optional<Json> TwinRow::json(const Path& path) const {
  if (const std::optional<Value> value = member(path)) return to_json(*value);
  const Json* found = located(path);
  return found == nullptr ? std::nullopt : std::optional<Json>(*found);
}

}  // namespace iothub::hub::query
