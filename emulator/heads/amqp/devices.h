#pragma once
/// The devices and modules that share one connection: one as a rule, any number with the pooling of .NET and Java. What
/// ends one leaves the others alone.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/heads/amqp/cbs.h"
#include "emulator/heads/amqp/device_links.h"
#include "emulator/heads/session.h"

namespace iothub::heads::amqp_head {

/// Why a link is not opened.
struct LinkRefusal {
  amqp::Condition condition;
  std::string why;  ///< for the log
};

class Devices {
 public:
  /// All of them must outlive it.
  Devices(amqp::Engine& engine, const Claims& claims, const Peer& peer, DeviceLinks::Carrier carrier);
  Devices(const Devices&) = delete;
  Devices& operator=(const Devices&) = delete;
  ~Devices();

  /// Accepts a link for who has shown a token or a certificate of its identity, or says why not.
  std::optional<LinkRefusal> attach(hub::Hub& hub, const amqp::Attach& attach, const LinkAddress& address);

  /// Whose link it is; null: none of theirs.
  DeviceLinks* find(amqp::LinkId link) const;
  /// Null: it has no links here.
  DeviceLinks* find(const hub::Identity& identity) const;
  std::optional<amqp::Condition> message(DeviceLinks& device, amqp::LinkId link, std::string_view bytes);
  /// Answers a twin request with an error; false when the message is none.
  bool refuse_twin_request(DeviceLinks& device, amqp::LinkId link, std::string_view bytes, const hub::HubError& error);
  /// What message() has answered.
  void send_answers();

  /// Ends those whose token is not among the claims any more.
  void end_expired(hub::Hub& hub);
  /// The connection is gone.
  void clear(std::string_view reason);

 private:
  hub::Result<hub::DevicePrincipal> authenticate(hub::Hub& hub, const hub::Identity& identity) const;
  void forget_ended();

  amqp::Engine& engine_;
  const Claims& claims_;
  const Peer& peer_;
  const DeviceLinks::Carrier carrier_;
  std::unordered_map<hub::Identity, std::unique_ptr<DeviceLinks>, hub::IdentityHash> devices_;
  std::unordered_map<amqp::LinkId, DeviceLinks*> by_link_;
  std::vector<amqp::LinkId> answering_;
};

}  // namespace iothub::heads::amqp_head
