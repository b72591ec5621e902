#pragma once
/// `GET protocol`: what one connection carries, or those of one device, beside what the hub did.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/heads/control/server_sent_stream.h"
#include "emulator/heads/wire.h"
#include "emulator/hub/observer.h"

namespace iothub::heads::control {

/// Of a connection: that, until it ends. Of an identity: each of its connections, new ones from their first packet on,
/// refused ones too; the stream goes on when they end.
class ProtocolStream final : public ServerSentStream {
 public:
  struct Subject {
    std::string connection;  ///< its id; empty: those of the identity
    std::optional<hub::Identity> identity;
  };
  /// Packets of a new connection that are kept until it is known whose it is.
  static constexpr std::size_t kMostHeld = 64;

  ProtocolStream(const Request& request, Subject subject) : ServerSentStream(request), subject_(std::move(subject)) {}

 private:
  /// A connection that is looked at.
  struct Followed {
    std::unique_ptr<WireLook> look;
    bool is_shown = false;          ///< else it is not known whose it is
    std::vector<hub::Json> held{};  ///< until then
  };

  void listen() override;
  void stop_listening() override;
  void follow(const std::string& connection, bool is_shown);
  void take_packet(const std::string& connection, const WirePacket& packet);
  void take_end(const std::string& connection, std::string_view reason);
  void take(const hub::Happened& happened);
  bool belongs(const hub::Happened& happened);
  bool is_of_identity(const std::string& connection);
  void show(Followed& followed);
  void tell(std::string_view name, hub::Json data);

  Subject subject_;
  std::map<std::string, Followed> followed_;
  std::vector<hub::Identity> seen_;  ///< identities of the connection, of which a disconnect is told when it is over
  hub::Observers::Listener happened_;
  OpenConnections::Opened opened_;
};

}  // namespace iothub::heads::control
