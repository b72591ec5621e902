#pragma once
/// Device and module ids: case-sensitive, 1-128 characters (Swagger 2021-04-12, Twin.deviceId).
#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace iothub::hub {

struct DeviceId {
  std::string value;
  auto operator<=>(const DeviceId&) const = default;
};

struct ModuleId {
  std::string value;
  auto operator<=>(const ModuleId&) const = default;
};

/// Who a request is about: a device, or one of its modules. An empty module id means the device itself.
struct Identity {
  DeviceId device;
  ModuleId module{};

  bool is_module() const { return !module.value.empty(); }
  /// `device` or `device/module`: an MQTT client id, and how logs name it.
  std::string name() const { return is_module() ? device.value + "/" + module.value : device.value; }

  auto operator<=>(const Identity&) const = default;
};

struct IdentityHash {
  std::size_t operator()(const Identity& identity) const noexcept {
    const std::size_t device = std::hash<std::string>{}(identity.device.value);
    return device ^ (std::hash<std::string>{}(identity.module.value) * 0x9e3779b97f4a7c15U);
  }
};

/// 1-128 ASCII letters, digits or any of - : . + % _ # * ? ! ( ) , = @ ; $ '
bool valid_id(std::string_view id);

}  // namespace iothub::hub
