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
  auto listener = std::make_unique<Listener>(
      context_.loop, options,
      [this, plain = options.plain](Socket socket, const boost::asio::ip::tcp::endpoint& remote) {
        accept(std::move(socket), remote, plain);
      });
  listeners_.push_back({options.address, std::move(listener)});
  return listeners_.back().listener->port();
}

void Server::stop_listening(const std::string& address) {
  std::erase_if(listeners_, [&address](const Listening& each) { return each.address == address; });
}

bool Server::let_go(const hub::Hub& hub) {
  bool gone = true;
  for (const auto& connection : context_.open) {
    if (connection->hub() != &hub) continue;
    gone = false;
    connection->close("the hub was removed");
  }
  return gone;
}

void Server::accept(Socket socket, const boost::asio::ip::tcp::endpoint& remote, PlainText plain) {
  const auto connection = std::make_shared<Connection>(
      context_, std::move(socket), fmt::format("c{}", ++last_connection_), endpoint_text(remote), plain);
  connection->start();
}

void Server::drop_connections(const hub::Hub& hub, std::string_view reason) {
  for (const auto& connection : context_.open) {
    if (connection->hub() == &hub && !connection->speaks_http()) connection->abort(reason);
  }
}

std::vector<heads::OpenConnection> Server::all() const {
  std::vector<heads::OpenConnection> connections;
  for (const auto& each : context_.open) {
    const std::string_view protocol = each->protocol();
    if (protocol.empty() || each->speaks_http()) continue;
    connections.push_back({each->peer().connection_id, protocol, each->peer().remote_address, each->hub()});
  }
  return connections;
}

std::unique_ptr<heads::WireLook> Server::look(std::string_view id, Looker looker) {
  for (const auto& each : context_.open) {
    if (each->peer().connection_id == id) return each->look(std::move(looker));
  }
  return nullptr;
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
