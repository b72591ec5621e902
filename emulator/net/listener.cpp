#include "emulator/net/listener.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace iothub::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

constexpr int kBacklog = 4096;
// How often the system may give IPv4 a port that is taken for IPv6.
constexpr int kPortAttempts = 16;
constexpr int kAcceptedAtOnce = 64;
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{100};

std::string kind_text(BindError::Kind kind, const std::string& system_message) {
  switch (kind) {
    case BindError::Kind::taken:
      return "another program listens there";
    case BindError::Kind::not_permitted:
      return "this user may not";
    case BindError::Kind::other:
      break;
  }
  return system_message;
}

BindError bind_error(const tcp::endpoint& endpoint, const error_code& error) {
  auto kind = BindError::Kind::other;
  if (error == asio::error::address_in_use) kind = BindError::Kind::taken;
  if (error == asio::error::access_denied || error == asio::error::no_permission) kind = BindError::Kind::not_permitted;
  return {kind, endpoint, error.message()};
}

/// No protocol family or no such address: a container without IPv6 has either.
bool lacks_ipv6(const tcp::endpoint& endpoint, const error_code& error) {
  return endpoint.address().is_v6() &&
         (error == asio::error::address_family_not_supported || error == boost::system::errc::address_not_available);
}

/// A program that `exec` starts must not inherit our sockets.
template <typename AnySocket>
void close_on_exec(AnySocket& socket) {
  static_cast<void>(::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC));
}

error_code open(Acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  close_on_exec(acceptor);
  acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) acceptor.non_blocking(true, error);
  return error;
}

bool out_of_descriptors(const error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
         error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

}  // namespace

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  if (endpoint.address().is_v6()) return fmt::format("[{}]:{}", address, endpoint.port());
  return fmt::format("{}:{}", address, endpoint.port());
}

BindError::BindError(Kind which, const tcp::endpoint& endpoint, const std::string& system_message)
    : std::runtime_error("cannot listen on " + endpoint_text(endpoint) + ": " + kind_text(which, system_message)),
      kind(which),
      address(endpoint.address().to_string()),
      port(endpoint.port()) {}

std::vector<asio::ip::address> listen_addresses(std::string_view address) {
  if (address == "localhost") return {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  if (address == "*") return {asio::ip::address_v4::any(), asio::ip::address_v6::any()};
  error_code error;
  const auto parsed = asio::ip::make_address(std::string(address), error);
  if (error) {
    throw std::invalid_argument("cannot listen on '" + std::string(address) +
                                "': it is neither an IP address nor localhost nor *");
  }
  return {parsed};
}

/// One bound socket; kept alive by its own wait.
class Listener::Door : public std::enable_shared_from_this<Door> {
 public:
  Door(EventLoop& loop, Acceptor acceptor, std::shared_ptr<Accepted> accepted)
      : loop_(loop), acceptor_(std::move(acceptor)), accepted_(std::move(accepted)), pause_(loop.scheduler()) {}

  void wait() {
    acceptor_.async_wait(Acceptor::wait_read, [self = shared_from_this()](error_code error) {
      if (error || !self->acceptor_.is_open()) return;
      self->accept();
    });
  }

  void close() {
    pause_.cancel();
    error_code gone;
    acceptor_.close(gone);
  }

 private:
  void accept() {
    for (int i = 0; i < kAcceptedAtOnce; ++i) {
      Socket socket(loop_.io());
      tcp::endpoint remote;
      error_code error;
      acceptor_.accept(socket, remote, error);
      if (error == asio::error::would_block || error == asio::error::try_again) break;
      if (out_of_descriptors(error)) return pause(error);
      if (error) continue;  // that client was gone before we came to it
      starved_ = false;
      close_on_exec(socket);
      loop_.run_guarded("an accepted connection", [&] { (*accepted_)(std::move(socket), remote); });
      if (!acceptor_.is_open()) return;
    }
    wait();
  }

  /// The client stays in the backlog, so the socket stays readable: waiting for it at once would spin.
  void pause(const error_code& error) {
    if (!std::exchange(starved_, true))
      spdlog::error("cannot accept connections: {}; trying again (see `ulimit -n`)", error.message());
    pause_.set(kPauseWithoutDescriptors, [this] { accept(); });
  }

  EventLoop& loop_;
  Acceptor acceptor_;
  std::shared_ptr<Accepted> accepted_;
  hub::Timer pause_;
  bool starved_ = false;
};

Listener::Listener(EventLoop& loop, const ListenOptions& options, Accepted accepted) {
  const auto addresses = listen_addresses(options.address);
  std::vector<Acceptor> acceptors;
  for (int attempt = 1; acceptors.empty(); ++attempt) {
    port_ = options.port;
    for (const asio::ip::address& address : addresses) {
      const tcp::endpoint endpoint(address, port_);
      Acceptor acceptor(loop.io());
      const error_code error = open(acceptor, endpoint);
      if (!error) {
        port_ = acceptor.local_endpoint().port();
        acceptors.push_back(std::move(acceptor));
        continue;
      }
      const bool ipv4_has_it = !acceptors.empty();
      if (ipv4_has_it && lacks_ipv6(endpoint, error)) {
        spdlog::debug("no IPv6 on this machine: {} stays unbound", endpoint_text(endpoint));
        continue;
      }
      const bool another_port_may_do =
          options.port == 0 && ipv4_has_it && error == asio::error::address_in_use && attempt < kPortAttempts;
      if (!another_port_may_do) throw bind_error(endpoint, error);
      acceptors.clear();
      break;
    }
  }
  const auto shared = std::make_shared<Accepted>(std::move(accepted));
  for (Acceptor& acceptor : acceptors) {
    doors_.push_back(std::make_shared<Door>(loop, std::move(acceptor), shared));
    doors_.back()->wait();
  }
}

Listener::~Listener() {
  for (const auto& door : doors_) door->close();
}

}  // namespace iothub::net
