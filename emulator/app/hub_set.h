#pragma once
/// The hubs of the process: the default one, and those that come and go while it runs.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/app/config.h"
#include "emulator/app/hub_instance.h"
#include "emulator/hub/directory.h"
#include "emulator/hub/errors.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/server.h"
#include "emulator/net/tls/certificate_authority.h"
#include "emulator/net/tls/server_context.h"

namespace iothub::app {

class HubSet {
 public:
  /// All outlive it. `listen` opens every port on an address; throws net::BindError. `equip` gives a new hub what it
  /// shares with the others.
  struct Around {
    const Config& config;
    hub::HubDirectory& directory;
    net::EventLoop& loop;
    net::Server& server;
    net::tls::ServerContext& tls;
    const net::tls::CertificateAuthority& authority;
    hub::RandomSource& random;
    std::function<void(const std::string& address)> listen;
    std::function<void(HubInstance& instance)> equip;
  };
  /// `first` is the default hub, in the directory already.
  HubSet(Around around, HubInstance& first);
  HubSet(const HubSet&) = delete;
  HubSet& operator=(const HubSet&) = delete;

  /// The default hub first.
  std::vector<HubInstance*> all() const;
  HubInstance& of(const hub::Hub& hub) const;
  /// Null for a name that none of them says.
  HubInstance* find(const std::string& name) const;

  /// What add() refuses about a name before it listens anywhere.
  hub::Result<void> check_new_name(const std::string& name) const;
  /// A hub of that name which nobody finds: to try things in.
  std::unique_ptr<HubInstance> silent_hub(const std::string& name) const;

  /// A hub in memory. Its name is a host name, which clients must be able to resolve, or an address of 127/8, where it
  /// listens then; an empty one means the next free 127.0.0.N. 400004 for a name that is none, 409 for one in use.
  hub::Result<HubInstance*> add(const std::string& name);
  /// Nobody finds it any more; what speaks to it is closed, and it goes with the last of them. 404000, and 400004 for
  /// the default hub.
  hub::Result<void> remove(const std::string& name);

 private:
  hub::Result<std::string> listen_somewhere();
  void sweep();

  Around around_;
  HubInstance& first_;
  int next_address_ = 2;  ///< 127.0.0.N to try first
  std::vector<std::unique_ptr<HubInstance>> more_;
  std::vector<std::unique_ptr<HubInstance>> leaving_;
  hub::Timer sweep_;
};

}  // namespace iothub::app
