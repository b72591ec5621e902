#include "emulator/app/connection_string.h"

#include <algorithm>
#include <charconv>

#include "protocol/text/ascii.h"

namespace iothub::app {
namespace {

/// An IPv6 address is told from a port by its brackets.
std::string host_part(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

template <typename Into>
bool split_host(std::string_view text, Into& into) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    into.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    into.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  const char* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, into.port);
  return error == std::errc{} && stop == end && into.port != 0;
}

/// `name=value;name=value`
template <typename Take>
void for_each_field(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const std::size_t equals = std::min(field.find('='), field.size());
    take(field.substr(0, equals), field.substr(std::min(equals + 1, field.size())));
  }
}

}  // namespace

std::optional<ConnectionString> ConnectionString::parse(std::string_view text) {
  ConnectionString result;
  bool fits = true;
  for_each_field(text, [&](std::string_view name, std::string_view value) {
    if (text::equals_ignoring_case(name, "HostName")) fits &= split_host(value, result);
    if (text::equals_ignoring_case(name, "SharedAccessKeyName")) result.policy = value;
    if (text::equals_ignoring_case(name, "SharedAccessKey")) result.key = value;
  });
  if (!fits || result.host.empty() || result.policy.empty() || result.key.empty()) return std::nullopt;
  return result;
}

std::optional<EventHubString> EventHubString::parse(std::string_view text) {
  EventHubString result;
  bool fits = true;
  for_each_field(text, [&](std::string_view name, std::string_view value) {
    if (text::equals_ignoring_case(name, "Endpoint")) {
      const std::size_t scheme = value.find("://");
      if (scheme != std::string_view::npos) value.remove_prefix(scheme + 3);
      fits &= split_host(value.substr(0, value.find('/')), result);
    }
    if (text::equals_ignoring_case(name, "SharedAccessKeyName")) result.policy = value;
    if (text::equals_ignoring_case(name, "SharedAccessKey")) result.key = value;
    if (text::equals_ignoring_case(name, "EntityPath")) result.event_hub = value;
    if (text::equals_ignoring_case(name, "UseDevelopmentEmulator"))
      result.plain = text::equals_ignoring_case(value, "true");
  });
  if (!fits || result.host.empty() || result.policy.empty() || result.key.empty() || result.event_hub.empty()) {
    return std::nullopt;
  }
  if (result.port == 0) result.port = result.plain ? kAmqpPort : kAmqpsPort;
  return result;
}

std::string policy_connection_string(const std::string& host, std::uint16_t https_port, const hub::Policy& policy) {
  const bool for_services = policy.rights != hub::Rights::device_connect;
  const std::string port = for_services && https_port != kHttpsPort ? ":" + std::to_string(https_port) : "";
  return "HostName=" + host_part(host) + port + ";SharedAccessKeyName=" + policy.name +
         ";SharedAccessKey=" + policy.primary_key;
}

std::string device_connection_string(const std::string& host, const hub::Identity& identity, const std::string& key) {
  const std::string module = identity.is_module() ? ";ModuleId=" + identity.module.value : "";
  return "HostName=" + host_part(host) + ";DeviceId=" + identity.device.value + module + ";SharedAccessKey=" + key;
}

}  // namespace iothub::app
