#pragma once
/// A port on its addresses, and the loop that accepts there.
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/net/event_loop.h"
#include "emulator/net/transport.h"

namespace iothub::net {

/// What a port takes from clients without TLS.
enum class PlainText {
  none,
  amqp,  ///< Event Hubs clients with UseDevelopmentEmulator=true never use TLS
  every_protocol,
  portal,  ///< HTTP only, with or without TLS: pages and the control API, nothing of the hub
};

struct ListenOptions {
  /// `localhost` (127.0.0.1 and ::1), `*` (everything, IPv4 and IPv6), or one address as it stands.
  std::string address = "localhost";
  /// 0: the system picks one, the same for every address.
  std::uint16_t port = 0;
  PlainText plain = PlainText::none;
};

/// A port that cannot be had.
class BindError : public std::runtime_error {
 public:
  enum class Kind { taken, not_permitted, other };
  BindError(Kind kind, const boost::asio::ip::tcp::endpoint& endpoint, const std::string& system_message);

  const Kind kind;
  const std::string address;
  const std::uint16_t port;
};

/// What ListenOptions::address means. Throws std::invalid_argument for anything else: names are not looked up.
std::vector<boost::asio::ip::address> listen_addresses(std::string_view address);

/// `127.0.0.1:443`, `[::1]:443`.
std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);

class Listener {
 public:
  using Accepted = std::function<void(Socket, const boost::asio::ip::tcp::endpoint& remote)>;

  /// Binds and listens at once; accepts as soon as the loop runs. A machine without IPv6 is no error where IPv4 was
  /// asked for too. Throws BindError, or std::invalid_argument for the address.
  Listener(EventLoop& loop, const ListenOptions& options, Accepted accepted);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  std::uint16_t port() const { return port_; }

 private:
  class Door;
  std::vector<std::shared_ptr<Door>> doors_;
  std::uint16_t port_ = 0;
};

}  // namespace iothub::net
