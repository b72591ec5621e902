#pragma once
/// Connection strings as the portal shows them and the SDKs read them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"
#include "emulator/hub/policies.h"

namespace iothub::app {

inline constexpr std::uint16_t kHttpsPort = 443;

/// A policy's connection string, taken apart.
struct ConnectionString {
  std::string host;  ///< without port and brackets
  std::uint16_t port = kHttpsPort;
  std::string policy;
  std::string key;  ///< base64

  /// `HostName=HOST[:PORT];SharedAccessKeyName=..;SharedAccessKey=..` in any order, names in any case (as the SDKs take
  /// them); nothing when one is missing or the port is none.
  static std::optional<ConnectionString> parse(std::string_view text);
};

inline constexpr std::uint16_t kAmqpPort = 5672;
inline constexpr std::uint16_t kAmqpsPort = 5671;

/// The connection string of an Event-Hubs-compatible endpoint, taken apart.
struct EventHubString {
  std::string host;  ///< without port and brackets
  std::uint16_t port = 0;
  std::string policy;
  std::string key;  ///< base64
  std::string event_hub;
  bool plain = false;  ///< UseDevelopmentEmulator=true: without TLS, on 5672 unless a port is named; else 5671

  /// `Endpoint=sb://HOST[:PORT]/;SharedAccessKeyName=..;SharedAccessKey=..;EntityPath=..[;UseDevelopmentEmulator=true]`
  /// in any order, names in any case; nothing when one is missing or the port is none.
  static std::optional<EventHubString> parse(std::string_view text);
};

/// `HostName=..;SharedAccessKeyName=..;SharedAccessKey=..`. The port stands there when it is not 443 and the policy
/// serves the service side, whose SDKs take it; device SDKs take a port for a part of the name.
std::string policy_connection_string(const std::string& host, std::uint16_t https_port, const hub::Policy& policy);

/// `HostName=..;DeviceId=..[;ModuleId=..];SharedAccessKey=..`
std::string device_connection_string(const std::string& host, const hub::Identity& identity, const std::string& key);

}  // namespace iothub::app
