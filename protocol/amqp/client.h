#pragma once
/// The client's side of one AMQP 1.0 connection, without sockets and without a SASL layer, on Qpid Proton's C engine:
/// what the command line needs to read events from a hub.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/amqp/engine.h"

namespace iothub::amqp {

class ClientHandler {
 public:
  virtual ~ClientHandler() = default;
  /// The peer has taken the link.
  virtual void opened(LinkId link) = 0;
  /// A whole message of a receiver; it counts as taken.
  virtual void message(LinkId link, std::string_view bytes) = 0;
  /// The peer has refused or ended the link.
  virtual void ended(LinkId link, const std::string& reason) = 0;
};

class Client {
 public:
  struct Trust {
    std::string host_name;  ///< what the peer's certificate has to be for
    std::string ca_file;    ///< PEM
  };

  /// Says `hostname` to the peer; with `trust` inside TLS. Throws std::runtime_error when the CA file cannot be used.
  Client(ClientHandler& handler, const std::string& hostname, const std::optional<Trust>& trust);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  LinkId open_sender(const std::string& target);
  /// Takes messages as fast as they come, `credit` ahead. A selector is a filter of Event Hubs; empty: none.
  LinkId open_receiver(const std::string& source, const std::string& selector, int credit);
  /// Settled by us. The link has to have been opened.
  void send(LinkId link, std::string_view message);

  /// Takes bytes and calls the handler.
  void receive(std::span<const std::byte> bytes);
  /// Appends what is to be sent.
  void write(std::string& out);
  /// Keeps the idle time-outs; write() afterwards.
  void tick(std::int64_t now_milliseconds);
  bool finished() const;
  /// Why, when the peer or the engine gave a reason.
  std::string end_reason() const;

 private:
  struct Link {
    pn_link_t* link = nullptr;
    int credit = 0;
    std::string partial;
  };
  void handle_events();
  void handle(pn_event_t* event);
  void delivery(pn_delivery_t* delivery);
  void link_ended(pn_link_t* link);

  ClientHandler& handler_;
  std::unique_ptr<pn_connection_driver_t> driver_;
  pn_session_t* session_ = nullptr;
  std::map<LinkId, Link> links_;
  LinkId last_link_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace iothub::amqp
