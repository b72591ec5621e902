#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "emulator/hub/auth.h"
#include "emulator/hub/c2d.h"
#include "emulator/hub/configurations.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/identity_json.h"
#include "emulator/hub/json.h"
#include "emulator/hub/routing/routing.h"
#include "emulator/hub/settings.h"
#include "emulator/hub/twin_merge.h"
#include "emulator/hub/twin_validation.h"
#include "emulator/seed/derived_key.h"
#include "emulator/seed/seed.h"
#include "emulator/seed/seed_devices.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "protocol/text/fnv.h"

namespace iothub::seed {
namespace {

using hub::Identity;
using hub::IfMatch;
using hub::Json;

/// Thrown inside this file alone, which makes it a refusal.
struct Wrong {
  std::string pointer;
  std::string what;
};

std::string text_of(const hub::HubError& error) {
  return error.reason.empty() ? error.message : error.message + ": " + error.reason;
}

template <typename T>
void require(const hub::Result<T>& done, const std::string& pointer) {
  if (!done) throw Wrong{pointer, text_of(done.error())};
}

Json without_nulls(const Json& object) {
  Json out = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) out[name] = value.is_object() ? without_nulls(value) : value;
  }
  return out;
}

/// `routing.routes[0].name` -> `/routing/routes/0/name`: how routes.h names a place.
std::string pointer_of_place(std::string_view place) {
  std::string pointer = "/";
  for (const char c : place) {
    if (c == '.' || c == '[') pointer += '/';
    if (c != '.' && c != '[' && c != ']') pointer += c;
  }
  return pointer;
}

/// What a device or module of a seed states of its identity, as the body of a PUT.
Json identity_body(const Json& json) {
  Json body = Json::object();
  for (const char* name : {"status", "attributes", "capabilities", "deviceScope", "parentScopes"}) {
    if (const Json* stated = hub::member(json, name)) body[name] = *stated;
  }
  // A null of these two says that there is none.
  for (const char* name : {"statusReason", "managedBy"}) {
    if (json.contains(name)) body[name] = json[name];
  }
  Json authentication = Json::object();
  if (const Json* stated = hub::member(json, "authentication")) authentication = without_nulls(*stated);
  // A twin has them at its root.
  if (const Json* type = hub::member(json, "authenticationType")) authentication["type"] = *type;
  if (const Json* thumbprints = hub::member(json, "x509Thumbprint")) {
    Json named = without_nulls(*thumbprints);
    for (const auto& [capital, name] : {std::pair("PrimaryThumbprint", "primaryThumbprint"),
                                        std::pair("SecondaryThumbprint", "secondaryThumbprint")}) {
      if (const Json* thumbprint = hub::member(named, capital)) named[name] = Json(*thumbprint);
    }
    authentication["x509Thumbprint"] = std::move(named);
  }
  if (!authentication.empty()) body["authentication"] = std::move(authentication);
  return body;
}

class Applier {
 public:
  Applier(hub::Hub& hub, const Seed& seed, bool dry, Report& report)
      : hub_(hub), seed_(seed), dry_(dry), report_(report), key_seed_(kDefaultKeySeed) {
    if (seed.form == Form::seed && hub::member(root(), "keySeed") != nullptr) {
      key_seed_ = hub::text_member(root(), "keySeed");
      key_seed_is_stated_ = true;
    }
  }

  /// What may be refused by the machine, not by the hub alone: before any device can hear of the rest.
  void apply_settings() {
    if (seed_.form != Form::seed) return;
    if (hub::member(root(), "hubs") != nullptr) {
      throw Wrong{"/hubs", "an emulator has more hubs while it runs, not in the data of one that is stopped"};
    }
    for_each("policies", [this](const Json& policy, const std::string& at) { put_policy(policy, at); });
    for_each("deviceCas", [this](const Json& ca, const std::string& at) { put_device_ca(ca, at); });
    if (const Json* routing = hub::member(root(), "routing")) put_routing(*routing);
    for_each("consumerGroups", [this](const Json& group, const std::string& at) { put_consumer_group(group, at); });
  }

  void apply_the_rest() {
    if (seed_.form == Form::seed) {
      for_each("configurations", [this](const Json& each, const std::string& at) { put_configuration(each, at); });
    }
    for (const SeedDevice& device : devices_of(seed_).value()) put_device(device);
    if (seed_.form == Form::seed) {
      for_each("cloudToDeviceMessages", [this](const Json& message, const std::string& at) { send(message, at); });
    }
  }

 private:
  const Json& root() const { return seed_.document.value; }

  void for_each(const char* name, const std::function<void(const Json&, const std::string&)>& apply) {
    const Json* list = hub::member(root(), name);
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      apply((*list)[i], "/" + std::string(name) + "/" + std::to_string(i));
    }
  }

  void changed(std::string what) { report_.changes.push_back(std::move(what)); }

  // ---- the hub itself ----

  void put_policy(const Json& json, const std::string& at) {
    const std::string name = hub::text_member(json, "name");
    const hub::Policy* existing = hub_.auth().policy(name);
    hub::Policy policy = existing == nullptr ? hub::Policy{name, hub::Rights::none, {}, {}} : *existing;
    if (const Json* rights = hub::member(json, "rights")) {
      policy.rights = hub::Rights::none;
      for (const Json& right : *rights) policy.rights = policy.rights | right_of(right.get<std::string>());
    }
    if (policy.rights == hub::Rights::none) throw Wrong{at, "a new policy needs 'rights'"};
    const auto set_key = [&](std::string& key, const char* name_of_key, std::string_view which) {
      if (const Json* given = hub::member(json, name_of_key)) {
        key = given->get<std::string>();
      } else if (key.empty() || key_seed_is_stated_) {
        key = derived_key(key_seed_, "policy", policy.name, which);
      }
    };
    set_key(policy.primary_key, "primaryKey", "primary");
    set_key(policy.secondary_key, "secondaryKey", "secondary");
    if (existing != nullptr && existing->rights == policy.rights && existing->primary_key == policy.primary_key &&
        existing->secondary_key == policy.secondary_key) {
      return;
    }
    const bool created = existing == nullptr;
    require(hub_.settings().put_policy(policy), at);
    changed("policy " + name + (created ? ": created" : ": updated"));
  }

  static hub::Rights right_of(std::string_view name) {
    if (name == "RegistryRead") return hub::Rights::registry_read;
    if (name == "RegistryWrite") return hub::Rights::registry_write;
    if (name == "ServiceConnect") return hub::Rights::service_connect;
    return hub::Rights::device_connect;
  }

  void put_device_ca(const Json& json, const std::string& at) {
    const std::string name = hub::text_member(json, "name"), pem = hub::text_member(json, "certificate");
    const std::vector<std::string>& known = hub_.auth().device_cas();
    if (std::find(known.begin(), known.end(), pem) != known.end()) return;
    require(hub_.settings().put_device_ca(name, pem), at + "/certificate");
    changed("device CA " + name + ": set");
  }

  void put_routing(const Json& json) {
    const std::string text = hub::dump(json);
    if (text == hub_.routing().text()) return;
    const hub::Result<hub::routing::Routes> parsed = hub::routing::parse_routes(text);
    if (!parsed) {
      const std::string& message = parsed.error().message;
      const std::size_t colon = message.find(": ");
      if (colon == message.npos || !message.starts_with("routing")) throw Wrong{"/routing", message};
      throw Wrong{pointer_of_place(message.substr(0, colon)), message.substr(colon + 2)};
    }
    // Opening its endpoints makes files: not for a rehearsal.
    if (!dry_) require(hub_.settings().put_routing(text), "/routing/endpoints");
    changed("routing: set");
  }

  void put_consumer_group(const Json& json, const std::string& at) {
    const std::string name = json.get<std::string>();
    hub::ConsumerGroups& groups = hub_.events().consumer_groups();
    if (groups.contains(name)) return;
    require(groups.add(name), at);
    changed("consumer group " + name + ": created");
  }

  void put_configuration(const Json& json, const std::string& at) {
    const std::string id = hub::text_member(json, "id");
    const hub::Result<Json> existing = hub_.configurations().get(id);
    if (!existing) {
      require(hub_.configurations().put(id, json, IfMatch::none()), at);
      return changed("configuration " + id + ": created");
    }
    const Json before = {{"schemaVersion", existing->at("schemaVersion")},
                         {"labels", existing->at("labels")},
                         {"content", existing->at("content")},
                         {"targetCondition", existing->at("targetCondition")},
                         {"priority", existing->at("priority")},
                         {"metrics", {{"queries", existing->at("metrics").at("queries")}}}};
    const hub::Result<Json> content = hub::checked_content(json.at("content"));
    require(content, at + "/content");
    if (*content != before.at("content")) {
      throw Wrong{at + "/content", "the hub has a configuration '" + id + "' with other content, which cannot change"};
    }
    Json after = before;
    for (const char* name : {"schemaVersion", "labels", "targetCondition", "priority"}) {
      if (json.contains(name)) after[name] = json[name];
    }
    if (const Json* metrics = hub::member(json, "metrics"); metrics != nullptr && metrics->contains("queries")) {
      after["metrics"] = *metrics;
    }
    if (after == before) return;
    require(hub_.configurations().put(id, after, IfMatch::any()), at);
    changed("configuration " + id + ": updated");
  }

  // ---- devices and modules ----

  struct Plan {
    bool creating = false;
    hub::IdentityWrite before;
    hub::IdentityWrite write;

    bool changes() const { return creating || !(write == before); }
  };

  Plan plan(const Identity& identity, const Json& json, const std::string& pointer,
            const std::optional<std::string>& parent) {
    Plan plan;
    const storage::IdentityRow* row = hub_.registry().find(identity);
    plan.creating = row == nullptr;
    Json body = plan.creating ? Json::object() : hub::identity_to_json({*row, {}, 0, false});
    if (!plan.creating) plan.before = hub::identity_from_json(body, identity).value();
    hub::merge_patch(body, identity_body(json));
    hub::Result<hub::IdentityWrite> write = hub::identity_from_json(body, identity);
    require(write, pointer);
    plan.write = std::move(*write);
    set_keys(plan.write, identity, json);
    if (parent) {
      const storage::IdentityRow* edge = hub_.registry().find({{*parent}});
      if (edge == nullptr) throw Wrong{pointer, "its parent '" + *parent + "' is no device of the hub or the seed"};
      if (!edge->iot_edge) throw Wrong{pointer, "its parent '" + *parent + "' is no IoT Edge device"};
      if (plan.write.iot_edge) {
        plan.write.device_scope = plan.before.iot_edge ? plan.before.device_scope : std::nullopt;
        plan.write.parent_scopes = {*edge->device_scope};
      } else {
        plan.write.device_scope = *edge->device_scope;
        plan.write.parent_scopes = {*edge->device_scope};
      }
    } else if (plan.write.iot_edge) {
      // Its scope is the hub's to make; that of another hub, in an export, is not taken over.
      plan.write.device_scope = plan.before.iot_edge ? plan.before.device_scope : std::nullopt;
    } else {
      // As the registry does: a leaf's parent is named by its deviceScope, whatever its parentScopes say.
      plan.write.parent_scopes.clear();
      if (plan.write.device_scope) plan.write.parent_scopes = {*plan.write.device_scope};
    }
    return plan;
  }

  void set_keys(hub::IdentityWrite& write, const Identity& identity, const Json& json) const {
    std::string type = write.authentication_type;
    if (type.empty()) type = write.primary_thumbprint || write.secondary_thumbprint ? "selfSigned" : "sas";
    const bool system_module = identity.module.value.starts_with('$');
    if (type == "none" && identity.is_module() && !system_module) type = "sas";  // as the registry takes it
    // The registry keeps what the type has: the rest would be told as a change each time.
    if (type != "selfSigned") write.primary_thumbprint = write.secondary_thumbprint = std::nullopt;
    if (type != "sas") write.primary_key = write.secondary_key = std::nullopt;
    if (type != "sas" || system_module) return;
    const Json* authentication = hub::member(json, "authentication");
    const Json* keys = authentication == nullptr ? nullptr : hub::member(*authentication, "symmetricKey");
    const auto set = [&](std::optional<std::string>& key, const char* name, std::string_view which) {
      const bool given = keys != nullptr && !hub::text_member(*keys, name).empty();
      if (given || (key && !key_seed_is_stated_)) return;
      key = derived_key(key_seed_, identity.is_module() ? "module" : "device", identity.name(), which);
    };
    set(write.primary_key, "primaryKey", "primary");
    set(write.secondary_key, "secondaryKey", "secondary");
  }

  void put(const Identity& identity, hub::IdentityWrite write, bool creating, const std::string& pointer) {
    // An edge device's own scope is the hub's to give; who updates it has to say it again.
    const storage::IdentityRow* const there = creating ? nullptr : hub_.registry().find(identity);
    if (there != nullptr && there->iot_edge && write.iot_edge && !write.device_scope)
      write.device_scope = there->device_scope;
    require(hub_.registry().put(identity, write, creating ? IfMatch::none() : IfMatch::any()), pointer);
  }

  void put_device(const SeedDevice& device) {
    if (device.json == nullptr) {
      if (hub_.registry().find({device.id}) == nullptr) {
        throw Wrong{device.modules.front().pointer,
                    "its device '" + device.id.value + "' is not in the hub or the seed"};
      }
      for (const SeedModule& module : device.modules) put_module(module);
      return;
    }
    const Identity identity{device.id};
    Plan own = plan(identity, *device.json, device.pointer, device.parent);
    // The registry refuses modules of a disabled device: it is enabled as long as they are made.
    const bool window =
        !own.write.enabled && std::any_of(device.modules.begin(), device.modules.end(), [&](const SeedModule& module) {
          return own.creating || plan_of(module).changes();
        });
    std::vector<std::string> parts;
    if (own.changes()) parts.push_back(own.creating ? "created" : "identity");
    if (own.changes() || window) {
      hub::IdentityWrite first = own.write;
      if (window) first.enabled = true;
      if (window || own.changes()) put(identity, first, own.creating, device.pointer);
    }
    put_twin(identity, *device.json, device.pointer, parts);
    if (!parts.empty()) changed("device " + identity.name() + ": " + joined(parts));
    for (const SeedModule& module : device.modules) put_module(module);
    if (window) {
      own.write.device_scope = hub_.registry().find(identity)->device_scope;
      put(identity, own.write, false, device.pointer);
    }
  }

  Plan plan_of(const SeedModule& module) { return plan(module.identity, *module.json, module.pointer, std::nullopt); }

  void put_module(const SeedModule& module) {
    const Plan own = plan_of(module);
    std::vector<std::string> parts;
    if (own.changes()) {
      put(module.identity, own.write, own.creating, module.pointer);
      parts.push_back(own.creating ? "created" : "identity");
    }
    put_twin(module.identity, *module.json, module.pointer, parts);
    if (!parts.empty()) changed("module " + module.identity.name() + ": " + joined(parts));
  }

  static std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
  }

  /// The section without what a read-back twin carries, when merging it would change `values`.
  static std::optional<Json> change(const Json* section, const Json& values, const char* name,
                                    const std::string& pointer) {
    if (section == nullptr) return std::nullopt;
    Json patch = hub::without_dollar_members(*section);
    require(hub::validate_section(patch, name), pointer);
    Json merged = values;
    hub::merge_patch(merged, patch);
    return merged == values ? std::nullopt : std::optional(std::move(patch));
  }

  void put_twin(const Identity& identity, const Json& json, const std::string& pointer,
                std::vector<std::string>& parts) {
    const Json* tags = hub::member(json, "tags");
    const Json* properties = hub::member(json, "properties");
    const Json* desired = properties == nullptr ? nullptr : hub::member(*properties, "desired");
    const Json* reported = properties == nullptr ? nullptr : hub::member(*properties, "reported");
    const std::string model_id = hub::text_member(json, "modelId");
    if (tags == nullptr && desired == nullptr && reported == nullptr && model_id.empty()) return;

    const hub::Twin& twin = *hub_.twins().get(identity).value().twin;
    const bool has_other_model = !model_id.empty() && model_id != twin.model_id;
    const auto new_tags = change(tags, twin.tags, "tags", pointer + "/tags");
    const auto new_desired =
        change(desired, twin.desired.values, "properties.desired", pointer + "/properties/desired");
    const auto new_reported =
        change(reported, twin.reported.values, "properties.reported", pointer + "/properties/reported");
    // `twin` is gone after the first write.
    if (has_other_model) {
      hub_.twins().set_model_id(identity, model_id);
      parts.push_back("modelId");
    }
    if (new_tags) {
      require(hub_.twins().patch(identity, {{"tags", *new_tags}}, IfMatch::any()), pointer + "/tags");
      parts.push_back("tags");
    }
    if (new_desired) {
      const Json body = {{"properties", {{"desired", *new_desired}}}};
      require(hub_.twins().patch(identity, body, IfMatch::any()), pointer + "/properties/desired");
      parts.push_back("desired");
    }
    if (new_reported) {
      require(hub_.twins().patch_reported(identity, *new_reported), pointer + "/properties/reported");
      parts.push_back("reported");
    }
  }

  // ---- cloud-to-device messages ----

  hub::C2dMessage message_of(const Json& json, const std::string& at) const {
    hub::C2dMessage message;
    message.message_id = hub::text_member(json, "messageId");
    message.correlation_id = hub::text_member(json, "correlationId");
    message.user_id = hub::text_member(json, "userId");
    message.to = hub::text_member(json, "to");
    message.content_type = hub::text_member(json, "contentType");
    message.content_encoding = hub::text_member(json, "contentEncoding");
    if (const Json* ack = hub::member(json, "ack")) message.ack = *hub::ack_of(ack->get<std::string>());
    if (const Json* expiry = hub::member(json, "expiryTimeUtc")) {
      message.expiry = text::parse_iso_time(expiry->get<std::string>());
      if (!message.expiry) throw Wrong{at + "/expiryTimeUtc", "it is no time as ISO 8601 writes them"};
    }
    if (const Json* properties = hub::member(json, "properties")) {
      for (const auto& [name, value] : properties->items()) {
        message.properties.emplace_back(name, value.get<std::string>());
      }
    }
    const Json* body = hub::member(json, "body");
    const Json* bytes = hub::member(json, "bodyBase64");
    if (body != nullptr && bytes != nullptr) throw Wrong{at + "/bodyBase64", "'body' is given, too"};
    if (bytes != nullptr) {
      auto decoded = text::base64_decode_text(bytes->get<std::string>());
      if (!decoded) throw Wrong{at + "/bodyBase64", "it is not base64"};
      message.body = std::move(*decoded);
    } else if (body != nullptr && body->is_string()) {
      message.body = body->get<std::string>();
    } else if (body != nullptr) {
      message.body = hub::dump(*body);
      if (message.content_type.empty()) message.content_type = "application/json";
      if (message.content_encoding.empty()) message.content_encoding = "utf-8";
    }
    return message;
  }

  /// What makes two messages the same; `to` and the times are the hub's in part.
  static std::string mark_of(const hub::C2dMessage& message) {
    Json content = Json::array({message.message_id, message.correlation_id, message.user_id, message.content_type,
                                message.content_encoding, to_string(message.ack), text::base64_encode(message.body)});
    for (const auto& [name, value] : message.properties) content.push_back(name + "=" + value);
    return std::to_string(text::fnv1a(hub::dump(content)));
  }

  /// Each message once in the life of its device, so that one that was received does not come again with the next
  /// start: what was sent is remembered by content, and how often it stands in the seed. What waits already counts,
  /// too.
  void send(const Json& json, const std::string& at) {
    const Identity to{{hub::text_member(json, "deviceId")}, {hub::text_member(json, "moduleId")}};
    const storage::IdentityRow* row = hub_.registry().find(to);
    if (row == nullptr) throw Wrong{at + "/deviceId", "there is no '" + to.name() + "' in the hub or the seed"};
    const std::string queue = to.name() + " " + row->generation_id;
    hub::C2dMessage message = message_of(json, at);
    const std::string mark = mark_of(message);
    const std::size_t standing = ++standing_[queue + " " + mark];
    if (standing <= hub_.settings().seeded_messages(queue, mark)) return;
    const std::vector<hub::C2dMessage> waiting = hub_.c2d().queued(to);
    const auto same = std::count_if(waiting.begin(), waiting.end(),
                                    [&](const hub::C2dMessage& each) { return mark_of(each) == mark; });
    hub_.settings().add_seeded_message(queue, mark);
    if (standing <= static_cast<std::size_t>(same)) return;
    require(hub_.c2d().send(to, std::move(message)), at);
    changed("message to " + to.name() + ": queued");
  }

  hub::Hub& hub_;
  const Seed& seed_;
  const bool dry_;
  Report& report_;
  std::string key_seed_;
  bool key_seed_is_stated_ = false;
  std::map<std::string, std::size_t> standing_;  ///< queue and mark -> how often it stood here until now
};

/// Both phases of all seeds; a refusal is kept, and false answered.
bool run(hub::Hub& hub, std::span<const Seed> seeds, bool dry, Report& report, std::optional<LocatedError>& refused) {
  std::vector<Applier> appliers;
  for (const Seed& seed : seeds) appliers.emplace_back(hub, seed, dry, report);
  for (const auto phase : {&Applier::apply_settings, &Applier::apply_the_rest}) {
    for (std::size_t i = 0; i < appliers.size(); ++i) {
      try {
        (appliers[i].*phase)();
      } catch (const Wrong& wrong) {
        refused = seeds[i].document.error(wrong.pointer, wrong.what);
        return false;
      }
    }
  }
  return true;
}

}  // namespace

Result<Report> diff(hub::Hub& hub, std::span<const Seed> seeds) {
  Report report;
  std::optional<LocatedError> refused;
  hub.attempt(hub::Hub::LinksAre::hidden, [&] {
    run(hub, seeds, true, report, refused);
    return false;
  });
  if (refused) return *refused;
  return report;
}

Result<Report> apply(hub::Hub& hub, std::span<const Seed> seeds) {
  // What has gone out to a connected device cannot be taken back: first it is tried where none hears of it.
  if (hub.links().connected_count() > 0) {
    if (Result<Report> rehearsed = diff(hub, seeds); !rehearsed) return rehearsed.error();
  }
  Report report;
  std::optional<LocatedError> refused;
  hub.attempt(hub::Hub::LinksAre::shown, [&] { return run(hub, seeds, false, report, refused); });
  if (refused) return *refused;
  return report;
}

}  // namespace iothub::seed
