#include "emulator/seed/seed_devices.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "emulator/hub/json.h"
#include "protocol/text/ascii.h"

namespace iothub::seed {
namespace {

using hub::Json;

constexpr std::string_view kScopePrefix = "ms-azure-iot-edge://";

class Collector {
 public:
  explicit Collector(const Seed& seed) : seed_(seed) {}

  std::optional<LocatedError> collect() {
    const Json& root = seed_.document.value;
    const bool exported = seed_.form == Form::exported;
    const Json* list = exported ? &root : hub::member(root, "devices");
    if (list == nullptr) return std::nullopt;
    const std::string prefix = exported ? "/" : "/devices/";
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string pointer = prefix + std::to_string(i);
      auto wrong = exported ? add_exported((*list)[i], pointer) : add_device((*list)[i], pointer);
      if (wrong) return wrong;
    }
    return std::nullopt;
  }

  Result<std::vector<SeedDevice>> in_order() {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (auto wrong = visit(i)) return *wrong;
    }
    return std::move(ordered_);
  }

 private:
  SeedDevice& device(const hub::DeviceId& id) {
    const auto [entry, is_new] = index_.try_emplace(id.value, devices_.size());
    if (is_new) devices_.push_back({id, nullptr, {}, std::nullopt, {}});
    return devices_[entry->second];
  }

  std::optional<LocatedError> check_id(const std::string& id, const std::string& pointer) const {
    if (hub::valid_id(id)) return std::nullopt;
    return seed_.document.error(pointer, "an id has 1-128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '");
  }

  std::optional<LocatedError> add_module(SeedModule module, const std::string& id_pointer) {
    if (auto wrong = check_id(module.identity.module.value, id_pointer)) return wrong;
    SeedDevice& of = device(module.identity.device);
    for (const SeedModule& other : of.modules) {
      if (other.identity == module.identity) {
        return seed_.document.error(id_pointer, "the module '" + module.identity.name() + "' is here twice");
      }
    }
    of.modules.push_back(std::move(module));
    return std::nullopt;
  }

  std::optional<LocatedError> add_device_itself(const Json& json, const std::string& id, const std::string& pointer,
                                                const std::string& id_pointer, std::optional<std::string> parent) {
    if (auto wrong = check_id(id, id_pointer)) return wrong;
    SeedDevice& entry = device({id});
    if (entry.json != nullptr) return seed_.document.error(id_pointer, "the device '" + id + "' is here twice");
    entry.json = &json;
    entry.pointer = pointer;
    entry.parent = std::move(parent);
    return std::nullopt;
  }

  std::optional<LocatedError> add_device(const Json& json, const std::string& pointer) {
    const std::string id = hub::text_member(json, "deviceId");
    const Json* parent = hub::member(json, "parent");
    if (auto wrong = add_device_itself(json, id, pointer, pointer + "/deviceId",
                                       parent ? std::optional(parent->get<std::string>()) : std::nullopt)) {
      return wrong;
    }
    const Json* modules = hub::member(json, "modules");
    for (std::size_t i = 0; modules != nullptr && i < modules->size(); ++i) {
      const std::string here = pointer + "/modules/" + std::to_string(i);
      const Json& module = (*modules)[i];
      if (auto wrong = add_module({{{id}, {hub::text_member(module, "moduleId")}}, &module, here}, here + "/moduleId"))
        return wrong;
    }
    return std::nullopt;
  }

  std::optional<LocatedError> add_exported(const Json& json, const std::string& pointer) {
    const char* id_member = hub::member(json, "id") != nullptr ? "id" : "deviceId";
    const std::string id = hub::text_member(json, id_member);
    if (id.empty()) return seed_.document.error(pointer, "neither 'id' nor 'deviceId' is given");
    const std::string id_pointer = pointer + "/" + id_member;
    const std::string module = hub::text_member(json, "moduleId");
    if (module.empty()) return add_device_itself(json, id, pointer, id_pointer, exported_parent(json));
    if (auto wrong = check_id(id, id_pointer)) return wrong;
    return add_module({{{id}, {module}}, &json, pointer}, pointer + "/moduleId");
  }

  /// A leaf names its parent by its deviceScope; an edge device, whose deviceScope is its own, by parentScopes.
  static std::optional<std::string> exported_parent(const Json& json) {
    const Json* capabilities = hub::member(json, "capabilities");
    const Json* edge = capabilities == nullptr ? nullptr : hub::member(*capabilities, "iotEdge");
    if (edge == nullptr || !edge->get<bool>()) return device_of_scope(hub::text_member(json, "deviceScope"));
    const Json* scopes = hub::member(json, "parentScopes");
    return scopes == nullptr || scopes->empty() ? std::nullopt : device_of_scope(scopes->front().get<std::string>());
  }

  std::optional<LocatedError> visit(std::size_t start) {
    // Up to the first that is there already or has no parent here; then down again.
    std::vector<std::size_t> path;
    for (std::size_t at = start; !done_.contains(at);) {
      if (std::find(path.begin(), path.end(), at) != path.end()) {
        return seed_.document.error(devices_[at].pointer + (seed_.form == Form::seed ? "/parent" : ""),
                                    "'" + devices_[at].id.value + "' is above itself");
      }
      path.push_back(at);
      const auto parent = devices_[at].parent ? index_.find(*devices_[at].parent) : index_.end();
      if (parent == index_.end()) break;
      at = parent->second;
    }
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
      done_.insert(*at);
      ordered_.push_back(devices_[*at]);
    }
    return std::nullopt;
  }

  const Seed& seed_;
  std::vector<SeedDevice> devices_, ordered_;
  std::map<std::string, std::size_t> index_;
  std::set<std::size_t> done_;
};

}  // namespace

std::optional<std::string> device_of_scope(const std::string& scope) {
  const std::size_t dash = scope.rfind('-');
  if (!scope.starts_with(kScopePrefix) || dash == scope.npos || dash <= kScopePrefix.size()) return std::nullopt;
  return scope.substr(kScopePrefix.size(), dash - kScopePrefix.size());
}

Result<std::vector<SeedDevice>> devices_of(const Seed& seed) {
  Collector collector(seed);
  if (auto wrong = collector.collect()) return *wrong;
  return collector.in_order();
}

}  // namespace iothub::seed
