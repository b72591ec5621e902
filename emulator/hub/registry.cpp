#include "emulator/hub/registry.h"

#include <algorithm>
#include <array>
#include <span>

#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/twins.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kEdgeAgent = "$edgeAgent";
constexpr std::string_view kEdgeHub = "$edgeHub";

bool is_key(const std::string& key) {
  const std::optional<std::vector<std::byte>> bytes = text::base64_decode(key);
  return bytes && bytes->size() >= kMinKeyBytes && bytes->size() <= kMaxKeyBytes;
}

/// SHA-1 or SHA-256 in hex without separators.
bool is_thumbprint(const std::string& thumbprint) {
  return (thumbprint.size() == 40 || thumbprint.size() == 64) &&
         std::all_of(thumbprint.begin(), thumbprint.end(), [](char c) {
           const char lower = text::lower(c);
           return text::is_digit(c) || (lower >= 'a' && lower <= 'f');
         });
}

/// The registry's 412 names both versions as numbers; an etag that is none of ours is named as it came.
HubError etag_mismatch(const storage::IdentityRow& row, const IfMatch& if_match) {
  return identity_etag_mismatch(row.etag, text::base64_decode_text(if_match.etag).value_or(if_match.etag));
}

std::string scopes_text(const std::vector<std::string>& scopes) {
  return scopes.empty() ? std::string() : dump(Json(scopes));
}

}  // namespace

storage::TwinRow initial_twin(const Identity& identity, Timestamp now) {
  storage::TwinRow twin;
  twin.device_id = identity.device.value;
  twin.module_id = identity.module.value;
  twin.desired_metadata = dump({{"$lastUpdated", text::iso_time(identity.is_module() ? Timestamp{} : now)}});
  twin.reported_metadata = twin.desired_metadata;
  return twin;
}

Registry::Registry(std::string hub_name, storage::Store& store, IdentityCache& identities, TwinCache& twins,
                   Links& links, const Clock& clock, RandomSource& random)
    : hub_name_(std::move(hub_name)),
      store_(store),
      identities_(identities),
      twins_(twins),
      links_(links),
      clock_(clock),
      random_(random) {}

std::string Registry::generate_key() {
  std::array<std::byte, kGeneratedKeyBytes> bytes;
  random_.fill(bytes);
  return text::base64_encode(bytes);
}

std::int64_t Registry::next_generation() {
  // Two identities never share one, even when the clock stands still.
  last_generation_ = std::max(clock_.now().ticks, last_generation_ + 1);
  return last_generation_;
}

Result<void> Registry::require_usable_parent(const Identity& module) const {
  const storage::IdentityRow* device = identities_.find({module.device});
  // Probed: a real hub answers 401, not 404, when the request bears a SAS token.
  if (device == nullptr) return unauthorized("the module's device '" + module.device.value + "' is not registered");
  if (!device->enabled) return unauthorized("the module's device '" + module.device.value + "' is disabled");
  return {};
}

IdentityView Registry::view(storage::IdentityRow row, bool created) const {
  const LinkState link =
      links_.state({{row.device_id}, {row.module_id}}, row.connection_state_updated_time, row.last_activity_time);
  const std::int64_t queued = created ? 0 : store_.c2d_message_count(row.device_id, row.module_id);
  return {std::move(row), link, queued, created};
}

Result<IdentityView> Registry::put(const Identity& identity, const IdentityWrite& write, const IfMatch& if_match,
                                   const Twin* twin) {
  if (!valid_id(identity.device.value) || (identity.is_module() && !valid_id(identity.module.value))) {
    return argument_invalid("Invalid id", "ids have 1-128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '");
  }
  if (identity.is_module()) {
    if (Result<void> usable = require_usable_parent(identity); !usable) return usable.error();
  }
  const storage::IdentityRow* existing = identities_.find(identity);
  if (if_match.is_none()) {
    if (existing == nullptr) return create(identity, write, twin);
    return identity.is_module() ? module_already_exists(identity, hub_name_) : device_already_exists(identity.device);
  }
  if (existing == nullptr) return identity.is_module() ? module_not_found(identity) : device_not_found(identity.device);
  if (!if_match.admits(identity_etag(existing->etag))) return etag_mismatch(*existing, if_match);
  return update(identity, write, *existing);
}

Result<IdentityView> Registry::create(const Identity& identity, const IdentityWrite& write, const Twin* twin) {
  if (identity.is_module()) {
    if (identity.module.value.starts_with('$')) {
      return argument_invalid("BadRequest", "module ids that start with $ are the hub's own");
    }
    if (store_.module_count(identity.device.value) >= kMaxModulesPerDevice) return too_many_modules(identity.device);
  }
  storage::IdentityRow row;
  row.device_id = identity.device.value;
  row.module_id = identity.module.value;
  const std::int64_t generation = next_generation();
  row.generation_id = std::to_string(generation);
  row.created_time = generation;
  row.etag = first_etag();
  if (Result<void> applied = apply(row, write); !applied) return applied.error();
  if (row.iot_edge) {
    row.device_scope = "ms-azure-iot-edge://" + row.device_id + "-" + row.generation_id;
    row.parent_scopes = scopes_text(write.parent_scopes);
  }

  // Recorded: the twin's first time is the generation, to the tick.
  identities_.insert(row, twin != nullptr ? to_row(identity, *twin) : initial_twin(identity, {generation}));
  if (lifecycle_) lifecycle_(identity, Lifecycle::created);
  if (row.iot_edge) {
    create_system_module(identity.device, kEdgeAgent);
    create_system_module(identity.device, kEdgeHub);
  }
  tell_changed(identity);
  return view(std::move(row), true);
}

void Registry::create_system_module(const DeviceId& device, std::string_view name) {
  const Identity identity{device, {std::string(name)}};
  storage::IdentityRow row;
  row.device_id = device.value;
  row.module_id = identity.module.value;
  row.generation_id = std::to_string(next_generation());
  row.created_time = last_generation_;
  row.etag = first_etag();
  row.authentication_type = "none";
  row.managed_by = "iotEdge";
  identities_.insert(row, initial_twin(identity, {last_generation_}));
}

Result<IdentityView> Registry::update(const Identity& identity, const IdentityWrite& write, storage::IdentityRow row) {
  const bool was_enabled = row.enabled;
  const bool was_edge = row.iot_edge;
  // Probed: an edge device that stays one has to say its own scope again.
  if (was_edge && (write.iot_edge || write.device_scope) && write.device_scope != row.device_scope) {
    return argument_invalid("Device scope is immutable");
  }
  const std::optional<std::string> edge_scope = row.device_scope;
  if (Result<void> applied = apply(row, write); !applied) return applied.error();
  if (row.iot_edge) {
    row.device_scope = was_edge ? edge_scope : "ms-azure-iot-edge://" + row.device_id + "-" + row.generation_id;
    row.parent_scopes = scopes_text(write.parent_scopes);
  }
  row.etag += 1;
  if (row.enabled != was_enabled) row.status_updated_time = clock_.now().ticks;

  identities_.update(row);
  if (row.iot_edge && !was_edge) {
    for (const std::string_view name : {kEdgeAgent, kEdgeHub}) {
      if (identities_.find({identity.device, {std::string(name)}}) == nullptr)
        create_system_module(identity.device, name);
    }
  }
  if (was_enabled && !row.enabled) links_.close(identity, LinkEnd::disabled, true);
  tell_changed(identity);
  return view(std::move(row), false);
}

/// Puts what the caller may write into the row: status, authentication, managedBy, scopes. Nothing is changed on a
/// refusal that the caller could see, for the row is the caller's copy.
Result<void> Registry::apply(storage::IdentityRow& row, const IdentityWrite& write) {
  if (write.status_reason && write.status_reason->size() > kMaxStatusReasonLength) {
    return argument_invalid("BadRequest", "statusReason is longer than 128 characters");
  }
  const bool is_module = !row.module_id.empty();
  if (!is_module) {
    row.enabled = write.enabled;
    row.status_reason = write.status_reason;
    row.iot_edge = write.iot_edge;
    row.device_scope = write.device_scope;
    // A leaf's parent is named by its deviceScope; parentScopes alone are ignored (probed).
    row.parent_scopes = write.device_scope ? scopes_text({*write.device_scope}) : std::string();
  }
  row.managed_by = write.managed_by;
  row.attributes = write.attributes;

  std::string type = write.authentication_type;
  if (type.empty()) type = write.primary_thumbprint || write.secondary_thumbprint ? "selfSigned" : "sas";
  if (type == "none") {
    if (!is_module) return argument_invalid("DeviceAuthenticationTypeIsMissing");
    type = row.managed_by == "iotEdge" && row.module_id.starts_with('$') ? "none" : "sas";
  }
  row.authentication_type = type;
  row.primary_key = row.secondary_key = row.primary_thumbprint = row.secondary_thumbprint = std::nullopt;

  // Recorded: who is to be known by thumbprints has no keys, though he brings no thumbprint.
  if (type == "sas") {
    if (write.primary_key.has_value() != write.secondary_key.has_value()) {
      return argument_invalid("Either no keys or both keys can be set");
    }
    row.primary_key = write.primary_key ? write.primary_key : generate_key();
    row.secondary_key = write.secondary_key ? write.secondary_key : generate_key();
    if (!is_key(*row.primary_key) || !is_key(*row.secondary_key)) {
      return argument_invalid("Invalid device key length", "keys are base64 of 16 to 64 bytes");
    }
  }
  if (type == "selfSigned") {
    for (const std::optional<std::string>* thumbprint : {&write.primary_thumbprint, &write.secondary_thumbprint}) {
      if (*thumbprint && !is_thumbprint(**thumbprint)) return argument_invalid("StringIsNotThumbprint");
    }
    row.primary_thumbprint = write.primary_thumbprint;
    row.secondary_thumbprint = write.secondary_thumbprint;
  }
  return {};
}

Result<IdentityView> Registry::get(const Identity& identity) const {
  if (identity.is_module()) {
    if (Result<void> usable = require_usable_parent(identity); !usable) return usable.error();
  }
  const storage::IdentityRow* row = identities_.find(identity);
  if (row == nullptr) return identity.is_module() ? module_not_found(identity) : device_not_found(identity.device);
  return view(*row, false);
}

Result<void> Registry::remove(const Identity& identity, const IfMatch& if_match) {
  if (identity.is_module()) {
    if (Result<void> usable = require_usable_parent(identity); !usable) return usable.error();
  }
  const storage::IdentityRow* row = identities_.find(identity);
  if (row == nullptr) return identity.is_module() ? module_not_found(identity) : device_not_found(identity.device);
  if (if_match.is_none()) return etag_missing();
  if (!if_match.admits(identity_etag(row->etag))) return etag_mismatch(*row, if_match);

  const bool and_modules = !identity.is_module();
  if (lifecycle_) lifecycle_(identity, Lifecycle::about_to_be_deleted);
  links_.close(identity, LinkEnd::deleted, and_modules);
  identities_.remove(identity);
  twins_.forget(identity);
  links_.forget(identity, and_modules);
  tell_changed(identity);
  return {};
}

Result<IdentityView> Registry::regenerate_keys(const Identity& identity, bool primary, bool secondary) {
  const Result<IdentityView> found = get(identity);
  if (!found) return found.error();
  storage::IdentityRow row = found->row;
  if (row.authentication_type != "sas") return argument_invalid("The identity does not authenticate by keys");
  if (primary) row.primary_key = generate_key();
  if (secondary) row.secondary_key = generate_key();
  row.etag += 1;
  identities_.update(row);
  return view(std::move(row), false);
}

std::vector<IdentityView> Registry::devices(std::optional<std::int64_t> top) const {
  const std::int64_t limit = top && *top >= 1 && *top <= kMaxListedDevices ? *top : kMaxListedDevices;
  std::vector<IdentityView> views;
  for (storage::IdentityRow& row : store_.devices(limit)) views.push_back(view(std::move(row), false));
  return views;
}

Result<std::vector<IdentityView>> Registry::modules(const DeviceId& device) const {
  if (Result<void> usable = require_usable_parent({device}); !usable) return usable.error();
  std::vector<IdentityView> views;
  for (storage::IdentityRow& row : store_.modules(device.value)) views.push_back(view(std::move(row), false));
  return views;
}

std::int64_t Registry::first_etag() {
  // Recorded hubs start at a random number of eight to ten digits.
  std::uint32_t random = 0;
  random_.fill(std::as_writable_bytes(std::span(&random, 1)));
  return 10'000'000 + random % 990'000'000;
}

}  // namespace iothub::hub
