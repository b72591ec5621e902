#pragma once
/// The network side of the emulator: listeners, and the connections they accept.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/directory.h"
#include "emulator/net/connection.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/listener.h"
#include "emulator/net/tls/server_context.h"

namespace iothub::net {

class Server final : public heads::OpenConnections {
 public:
  /// All three must outlive the server. Ignores SIGPIPE in the whole process, because OpenSSL writes to sockets with
  /// write(): a program started from here inherits that unless it is set back.
  Server(EventLoop& loop, hub::HubDirectory& hubs, const tls::ServerContext& tls);
  /// With other sessions than those of the heads.
  Server(EventLoop& loop, hub::HubDirectory& hubs, const tls::ServerContext& tls, MakeSession make_session);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override;

  /// Binds at once and returns the port; accepts while the loop runs. Every protocol is served on every port. Throws
  /// BindError, or std::invalid_argument for the address.
  std::uint16_t listen(const ListenOptions& options);

  /// Closes the listeners of that address, as listen() was given it.
  void stop_listening(const std::string& address);

  /// Ends the turn, closes listeners and connections without waiting for any peer, and commits what the sessions' ends
  /// wrote. On the loop's thread, not inside a session's call; calling it again does nothing.
  void stop();

  /// What sessions are given from now on; before the loop runs.
  heads::SessionEnvironment& environment() { return context_.environment; }

  /// Cuts at this turn's end what speaks to the hub, but HTTP, which asks anew for each request.
  void drop_connections(const hub::Hub& hub, std::string_view reason);
  /// Closes what speaks HTTP to a hub that goes, behind the answers that are queued. True when nothing speaks to the
  /// hub any more.
  bool let_go(const hub::Hub& hub);

  std::vector<heads::OpenConnection> all() const override;
  std::unique_ptr<heads::WireLook> look(std::string_view id, Looker looker) override;
  Opened on_opened(std::function<void(const std::string&)> told) override {
    return context_.opened.add(std::move(told));
  }

  std::size_t connection_count() const { return context_.open.size(); }

 private:
  void accept(Socket socket, const boost::asio::ip::tcp::endpoint& remote, PlainText plain);

  ConnectionContext context_;
  struct Listening {
    std::string address;
    std::unique_ptr<Listener> listener;
  };
  std::vector<Listening> listeners_;
  std::uint64_t last_connection_ = 0;
  bool stopped_ = false;
};

}  // namespace iothub::net
