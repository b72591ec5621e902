#include "emulator/app/ports.h"

#include <spdlog/spdlog.h>

#include <string_view>

#include "emulator/app/connection_string.h"
#include "emulator/net/listener.h"

namespace iothub::app {
namespace {

constexpr std::string_view kLostWithout443 =
    "service connection strings name the port, which the Python and Node SDKs follow; the Java and C# service clients, "
    "MQTT and AMQP over WebSocket and file upload always use 443 and will not find this hub";

}  // namespace

Ports bind_ports(const Ports& wanted, PortFallback fallback, const std::function<std::uint16_t(std::uint16_t)>& listen,
                 const std::function<std::uint16_t(std::uint16_t)>& listen_plain_amqp,
                 const std::function<std::uint16_t(std::uint16_t)>& listen_portal) {
  using Kind = net::BindError::Kind;
  Ports bound;

  try {
    bound.https = listen(wanted.https);
  } catch (const net::BindError& error) {
    const bool may_move = (fallback == PortFallback::https_not_permitted && wanted.https == kHttpsPort &&
                           error.kind == Kind::not_permitted) ||
                          (fallback == PortFallback::any && error.kind != Kind::other);
    if (!may_move) throw;
    bound.https = listen(kHttpsFallbackPort);
    spdlog::warn("{}; HTTPS is served on port {} instead: {}", error.what(), bound.https, kLostWithout443);
    if (error.kind == Kind::not_permitted) spdlog::warn("{}", kHowToAllowLowPorts);
  }

  const auto bind_or_move = [&](std::uint16_t port, std::string_view protocol, const auto& bind) {
    try {
      return bind(port);
    } catch (const net::BindError& error) {
      if (fallback != PortFallback::any || error.kind == Kind::other) throw;
      const std::uint16_t other = bind(0);
      spdlog::warn("{}; {} is served on port {} instead, where the SDKs will not look for it", error.what(), protocol,
                   other);
      return other;
    }
  };
  const auto bind_other = [&](std::uint16_t port, std::string_view protocol) {
    if (port != 0 && port == bound.https) return port;
    if (port != 0 && port == bound.mqtts && protocol == "AMQPS") return port;
    return bind_or_move(port, protocol, listen);
  };
  bound.mqtts = bind_other(wanted.mqtts, "MQTTS");
  bound.amqps = bind_other(wanted.amqps, "AMQPS");
  bound.amqp = bind_or_move(wanted.amqp, "AMQP", listen_plain_amqp);
  bound.portal = bind_or_move(wanted.portal, "the portal", listen_portal);
  return bound;
}

}  // namespace iothub::app
