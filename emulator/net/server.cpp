#include "emulator/net/server.h"

#include <spdlog/fmt/fmt.h>

#include <csignal>
#include <utility>

#include "emulator/net/head_sessions.h"

namespace iothub::net {

Server::Server(EventLoop& loop, hub::HubDirectory& hubs, const tls::ServerContext& tls)
    : Server(loop, hubs, tls, make_head_session) {}

Server::Server(EventLoop& loop, hub::HubDirectory& hubs, const tls::ServerContext& tls, MakeSession make_session)
    : context_{loop, tls, {hubs, loop.scheduler(), loop.wall_clock()}, std::move(make_session)} {
  std::signal(SIGPIPE, SIG_IGN);
}

Server::~Server() {
  stop();
}

std::uint16_t Server::listen(const ListenOptions& options) {
  listeners_.push_back(std::make_unique<Listener>(
      context_.loop, options,
      [this, plain = options.plain](Socket socket, const boost::asio::ip::tcp::endpoint& remote) {
        accept(std::move(socket), remote, plain);
      }));
  return listeners_.back()->port();
}

void Server::accept(Socket socket, const boost::asio::ip::tcp::endpoint& remote, PlainText plain) {
  const auto connection = std::make_shared<Connection>(
      context_, std::move(socket), fmt::format("c{}", ++last_connection_), endpoint_text(remote), plain);
  connection->start();
}

void Server::stop() {
  if (std::exchange(stopped_, true)) return;
  listeners_.clear();
  context_.loop.turn().finish();
  const auto connections = context_.open;  // each leaves the set as it stops
  for (const auto& connection : connections) connection->stop();
  context_.loop.turn().finish();
}

}  // namespace iothub::net
