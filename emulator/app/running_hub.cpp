#include "emulator/app/running_hub.h"

#include "emulator/app/connection_string.h"

namespace iothub::app {

const std::string* RunningHub::connection_string(std::string_view policy) const {
  for (const PolicyString& each : connection_strings) {
    if (each.policy == policy) return &each.connection_string;
  }
  return nullptr;
}

std::vector<RunningHub::PolicyString> policy_strings(const std::string& host, std::uint16_t https_port,
                                                     const std::vector<hub::Policy>& policies) {
  std::vector<RunningHub::PolicyString> strings;
  strings.reserve(policies.size());
  for (const hub::Policy& policy : policies) {
    strings.push_back({policy.name, policy_connection_string(host, https_port, policy)});
  }
  return strings;
}

std::string event_hub_string(const std::string& host, std::uint16_t amqp_port, const std::string& hub_name,
                             const hub::Policy& policy) {
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::string port = amqp_port == Ports{}.amqp ? "" : ":" + std::to_string(amqp_port);
  return "Endpoint=sb://" + bracketed + port + "/;SharedAccessKeyName=" + policy.name +
         ";SharedAccessKey=" + policy.primary_key + ";EntityPath=" + hub_name + ";UseDevelopmentEmulator=true";
}

nlohmann::ordered_json connection_strings_json(const std::vector<RunningHub::PolicyString>& strings) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& each : strings) json[each.policy] = each.connection_string;
  return json;
}

nlohmann::ordered_json ports_json(const Ports& ports) {
  nlohmann::ordered_json json;
  json["https"] = ports.https;
  json["mqtts"] = ports.mqtts;
  json["amqps"] = ports.amqps;
  json["amqp"] = ports.amqp;
  json["portal"] = ports.portal;
  return json;
}

nlohmann::ordered_json to_json(const RunningHub& hub) {
  nlohmann::ordered_json json;
  json["ports"] = ports_json(hub.ports);
  json["caFile"] = hub.ca_file;
  json["connectionStrings"] = connection_strings_json(hub.connection_strings);
  json["eventHubConnectionString"] = hub.event_hub_connection_string;
  return json;
}

RunningHub running_hub_from_json(const nlohmann::ordered_json& json) {
  RunningHub hub;
  const auto& ports = json.at("ports");
  ports.at("https").get_to(hub.ports.https);
  ports.at("mqtts").get_to(hub.ports.mqtts);
  ports.at("amqps").get_to(hub.ports.amqps);
  ports.at("amqp").get_to(hub.ports.amqp);
  ports.at("portal").get_to(hub.ports.portal);
  json.at("caFile").get_to(hub.ca_file);
  for (const auto& [policy, string] : json.at("connectionStrings").items()) {
    hub.connection_strings.push_back({policy, string.get<std::string>()});
  }
  json.at("eventHubConnectionString").get_to(hub.event_hub_connection_string);
  return hub;
}

}  // namespace iothub::app
