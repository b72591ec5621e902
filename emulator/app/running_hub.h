#pragma once
/// What a client must know of a hub that runs: also the content of the ready file.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "emulator/hub/policies.h"

namespace iothub::app {

struct Ports {
  std::uint16_t https = 443;
  std::uint16_t mqtts = 8883;
  std::uint16_t amqps = 5671;
  std::uint16_t amqp = 5672;    ///< without TLS
  std::uint16_t portal = 8890;  ///< without TLS: the portal and the control API

  bool operator==(const Ports&) const = default;
};

struct RunningHub {
  struct PolicyString {
    std::string policy;
    std::string connection_string;

    bool operator==(const PolicyString&) const = default;
  };

  Ports ports;
  std::string ca_file;  ///< absolute path of the certificate authority's PEM file
  std::vector<PolicyString> connection_strings;
  std::string event_hub_connection_string;  ///< of the Event-Hubs-compatible endpoint, for programs on this machine

  /// The policy's connection string; null for an unknown policy.
  const std::string* connection_string(std::string_view policy) const;

  bool operator==(const RunningHub&) const = default;
};

/// The policies' connection strings, in their order.
std::vector<RunningHub::PolicyString> policy_strings(const std::string& host, std::uint16_t https_port,
                                                     const std::vector<hub::Policy>& policies);

/// `Endpoint=sb://HOST/;SharedAccessKeyName=..;SharedAccessKey=..;EntityPath=NAME;UseDevelopmentEmulator=true`: with
/// that last part Event Hubs clients speak without TLS, and take the port of the endpoint.
std::string event_hub_string(const std::string& host, std::uint16_t amqp_port, const std::string& hub_name,
                             const hub::Policy& policy);

/// `{"ports":{"https":443,"mqtts":8883,"amqps":5671,"amqp":5672,"portal":8890},"caFile":"...",
/// "connectionStrings":{"iothubowner":"HostName=..."},"eventHubConnectionString":"Endpoint=sb://..."}`
nlohmann::ordered_json to_json(const RunningHub& hub);
/// Other members are ignored. Throws nlohmann::json::exception for what to_json() cannot have written.
RunningHub running_hub_from_json(const nlohmann::ordered_json& json);
/// `{"https":443, ..}`
nlohmann::ordered_json ports_json(const Ports& ports);
/// Policy -> connection string.
nlohmann::ordered_json connection_strings_json(const std::vector<RunningHub::PolicyString>& strings);

}  // namespace iothub::app
