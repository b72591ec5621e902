#include "emulator/hub/twins.h"

#include <utility>

#include "emulator/hub/limits.h"
#include "emulator/hub/registry.h"
#include "emulator/hub/twin_merge.h"
#include "emulator/hub/twin_validation.h"

namespace iothub::hub {
namespace {

/// The writable sections of a request body; null where the body leaves one out. A JSON null counts as left out: it does
/// not clear a section (azure-docs #32289).
struct Sections {
  std::optional<Json> tags;
  std::optional<Json> desired;
};

Result<Sections> sections_of(const Json& body) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  Sections sections;
  if (const auto tags = body.find("tags"); tags != body.end() && !tags->is_null()) {
    if (!tags->is_object()) return bad_request("'tags' is not a JSON object");
    sections.tags = without_dollar_members(*tags);
  }
  const auto properties = body.find("properties");
  if (properties != body.end() && !properties->is_null()) {
    if (!properties->is_object()) return bad_request("'properties' is not a JSON object");
    if (const auto desired = properties->find("desired"); desired != properties->end() && !desired->is_null()) {
      if (!desired->is_object()) return bad_request("'properties.desired' is not a JSON object");
      sections.desired = without_dollar_members(*desired);
    }
  }
  if (sections.tags) {
    if (auto valid = validate_section(*sections.tags, "tags"); !valid) return valid.error();
  }
  if (sections.desired) {
    if (auto valid = validate_section(*sections.desired, "properties.desired"); !valid) return valid.error();
  }
  return sections;
}

Result<void> check_sizes(const Twin& twin) {
  if (auto fits = check_section_size(twin.tags, "tags", kMaxTwinTagsBytes); !fits) return fits.error();
  return check_section_size(twin.desired.values, "properties.desired", kMaxTwinPropertiesBytes);
}

DesiredChange change_of(Json patch, std::int64_t version) {
  patch["$version"] = version;
  return {dump(patch), version};
}

}  // namespace

Twin* TwinCache::find(const Identity& identity) {
  if (Twin* cached = twins_.find(identity)) return cached;
  const std::optional<storage::TwinRow> row = store_.twin(identity.device.value, identity.module.value);
  return row ? &twins_.put(identity, from_row(*row)) : nullptr;
}

Twin TwinCache::save(const Identity& identity, Twin twin) {
  store_.update_twin(to_row(identity, twin));
  if (Twin* cached = twins_.find(identity)) return std::exchange(*cached, std::move(twin));
  twins_.put(identity, std::move(twin));
  return {};
}

void TwinCache::forget(const Identity& identity) {
  twins_.erase_if(
      [&](const Identity& key) { return identity.is_module() ? key == identity : key.device == identity.device; });
}

Twins::Twins(TwinCache& twins, IdentityCache& identities, Links& links, const Clock& clock)
    : twins_(twins), identities_(identities), links_(links), clock_(clock) {}

TwinView Twins::view(const Identity& identity, const Twin& twin) const {
  const storage::IdentityRow* row = identities_.find(identity);
  return {&twin, row, links_.state(identity, row->connection_state_updated_time, row->last_activity_time),
          identities_.c2d_message_count(identity)};
}

Result<TwinView> Twins::get(const Identity& identity) {
  const Twin* twin = identities_.find(identity) == nullptr ? nullptr : twins_.find(identity);
  if (twin == nullptr) return device_not_found(identity.device);
  return view(identity, *twin);
}

Result<Twin> Twins::begin(const Identity& identity, const Json& body) const {
  const Result<Sections> sections = sections_of(body);
  if (!sections) return sections.error();
  Twin twin = from_row(initial_twin(identity, clock_.now()));
  if (sections->tags) merge_patch(twin.tags, *sections->tags);
  // Recorded: a device's desired properties have no time then; a module's have the creation's and a version, and so has
  // what it reported, also where nothing is desired.
  const std::string time = text::iso_time(identity.is_module() ? clock_.now() : Timestamp{});
  if (identity.is_module()) {
    twin.desired.metadata = {{"$lastUpdated", time}, {"$lastUpdatedVersion", 1}};
    twin.reported.metadata = twin.desired.metadata;
  }
  if (sections->desired) {
    twin.desired.version = 0;
    patch_properties(twin.desired, *sections->desired, time, true);
    twin.desired.version = 1;  // also of nothing but nulls
  }
  if (auto fits = check_sizes(twin); !fits) return fits.error();
  return twin;
}

Result<TwinView> Twins::patch(const Identity& identity, const Json& body, const IfMatch& if_match) {
  const Twin* current = identities_.find(identity) == nullptr ? nullptr : twins_.find(identity);
  if (current == nullptr) return device_not_found(identity.device);
  const Result<Sections> sections = sections_of(body);
  if (!sections) return sections.error();
  if (!if_match.is_none() && !if_match.admits(twin_etag(current->etag))) return twin_etag_mismatch(identity.device);

  Twin twin = *current;
  const std::string now = text::iso_time(clock_.now());
  const bool tags_changed = sections->tags && merge_patch(twin.tags, *sections->tags);
  const bool desired_changed = sections->desired && patch_properties(twin.desired, *sections->desired, now, true);
  if (!tags_changed && !desired_changed) return view(identity, *current);
  if (auto fits = check_sizes(twin); !fits) return fits.error();

  twin.etag += 1;
  twin.version += 1;
  const std::int64_t desired_version = twin.desired.version;
  const Twin before = twins_.save(identity, std::move(twin));
  if (desired_changed) {
    if (DeviceLink* link = links_.find(identity)) link->desired_changed(change_of(*sections->desired, desired_version));
  }
  tell_changed(identity, {.tags = tags_changed ? &*sections->tags : nullptr,
                          .desired = desired_changed ? &*sections->desired : nullptr,
                          .before = &before});
  return view(identity, *twins_.find(identity));
}

Result<TwinView> Twins::replace(const Identity& identity, const Json& body, const IfMatch& if_match) {
  const Twin* current = identities_.find(identity) == nullptr ? nullptr : twins_.find(identity);
  if (current == nullptr) return device_not_found(identity.device);
  const Result<Sections> sections = sections_of(body);
  if (!sections) return sections.error();
  if (!if_match.is_none() && !if_match.admits(twin_etag(current->etag))) return twin_etag_mismatch(identity.device);

  Twin twin = *current;
  twin.tags = Json::object();
  if (sections->tags) merge_patch(twin.tags, *sections->tags);  // a merge into nothing drops the nulls
  Json change =
      replace_properties(twin.desired, sections->desired.value_or(Json::object()), text::iso_time(clock_.now()), true);
  if (auto fits = check_sizes(twin); !fits) return fits.error();

  twin.etag += 1;
  twin.version += 1;
  const std::int64_t desired_version = twin.desired.version;
  const Twin before = twins_.save(identity, std::move(twin));
  if (DeviceLink* link = links_.find(identity)) link->desired_changed(change_of(std::move(change), desired_version));
  tell_changed(identity, {.replaced = true, .before = &before});
  return view(identity, *twins_.find(identity));
}

Result<std::int64_t> Twins::patch_reported(const Identity& identity, const Json& patch) {
  const Twin* current = identities_.find(identity) == nullptr ? nullptr : twins_.find(identity);
  if (current == nullptr) return device_not_found(identity.device);
  if (!patch.is_object()) return bad_request("the patch is not a JSON object");
  if (const auto version = patch.find("$version"); version != patch.end()) {
    if (!version->is_number_integer()) return bad_request("'$version' is not an integer");
    if (version->get<std::int64_t>() != current->reported.version) return reported_version_mismatch();
  }
  const Json reported = without_dollar_members(patch);
  if (auto valid = validate_section(reported, "properties.reported"); !valid) return valid.error();

  links_.touch(identity);
  Twin twin = *current;
  if (!patch_properties(twin.reported, reported, text::iso_time(clock_.now()), false)) return current->reported.version;
  if (auto fits = check_section_size(twin.reported.values, "properties.reported", kMaxTwinPropertiesBytes); !fits) {
    return fits.error();
  }
  twin.version += 1;
  const std::int64_t version = twin.reported.version;
  const Twin before = twins_.save(identity, std::move(twin));
  tell_changed(identity, {.reported = &reported, .before = &before});
  return version;
}

void Twins::set_model_id(const Identity& identity, const std::string& model_id) {
  const Twin* current = twins_.find(identity);
  if (current == nullptr || current->model_id == model_id) return;
  Twin twin = *current;
  twin.model_id = model_id;
  twins_.save(identity, std::move(twin));
}

}  // namespace iothub::hub
