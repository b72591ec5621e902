#pragma once
/// Binds the ports, and decides what happens when one cannot be had.
#include <functional>
#include <string_view>

#include "emulator/app/running_hub.h"

namespace iothub::app {

inline constexpr std::uint16_t kHttpsFallbackPort = 8443;

/// For the user of a port that is not permitted.
inline constexpr std::string_view kHowToAllowLowPorts =
    "to allow it: sudo setcap cap_net_bind_service=+ep <the iothub-emulator binary>, or sudo sysctl "
    "net.ipv4.ip_unprivileged_port_start=443";

enum class PortFallback {
  none,                 ///< `exec`: its command would look for the hub at the well-known ports
  https_not_permitted,  ///< `serve`: 8443 where the user may not bind 443
  any,                  ///< `exec --allow-port-fallback`: 8443, and for the others what the system picks
};

/// `listen` binds a port (0: any) and returns it, or throws net::BindError. A port that two protocols share is bound
/// once, for every port serves every protocol. Each port that is not the wanted one is a warning in the log that says
/// what is lost by it. `listen_plain_amqp` binds the port for AMQP without TLS, `listen_portal`
/// that of the portal and the control API, likewise. Throws net::BindError for
/// what could not be had.
Ports bind_ports(const Ports& wanted, PortFallback fallback,
                 const std::function<std::uint16_t(std::uint16_t port)>& listen,
                 const std::function<std::uint16_t(std::uint16_t port)>& listen_plain_amqp,
                 const std::function<std::uint16_t(std::uint16_t port)>& listen_portal);

}  // namespace iothub::app
