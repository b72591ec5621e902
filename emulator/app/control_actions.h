#pragma once
/// What the control API asks of the program: certificates, connection strings, files.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "emulator/app/config.h"
#include "emulator/app/hub_set.h"
#include "emulator/app/ports.h"
#include "emulator/app/simulations.h"
#include "emulator/app/snapshots.h"
#include "emulator/heads/control/actions.h"
#include "emulator/net/server.h"
#include "emulator/net/tls/certificate_authority.h"

namespace iothub::app {

class ControlActions final : public heads::control::Actions {
 public:
  /// All outlive it. `content_changed`: the policies of a hub may be others now.
  ControlActions(const Config& config, const Ports& ports, const net::tls::CertificateAuthority& authority,
                 net::Server& server, HubSet& hubs, Simulations& simulations, std::function<void()> content_changed);

  std::string version() const override;
  std::string ca_pem() const override;
  std::optional<heads::control::PortalFile> portal_file(std::string_view name) const override;
  std::size_t resident_bytes() const override;
  hub::Json connection_strings(const hub::Hub& hub) const override;
  std::string device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                       const std::string& key) const override;

  hub::VirtualTime& time(const hub::Hub& hub) override;
  heads::OpenConnections& connections() override { return server_; }

  hub::Result<void> reset_hub(hub::Hub& hub, hub::ResetLinks links) override;
  hub::Result<void> reset_device(hub::Hub& hub, const hub::DeviceId& device, hub::ResetLinks links) override;
  hub::Result<hub::Json> save_snapshot(hub::Hub& hub, const std::string& name) override;
  hub::Json snapshots() const override;
  hub::Result<void> restore_snapshot(hub::Hub& hub, const std::string& name) override;
  hub::Result<void> remove_snapshot(const std::string& name) override;

  hub::Json hubs() override;
  hub::Result<hub::Json> add_hub(const std::string& name, const std::string& snapshot) override;
  hub::Result<void> remove_hub(const std::string& name) override;

  hub::Result<hub::Json> start_simulation(hub::Hub& hub, const heads::control::SimulationStart& start) override;
  hub::Json simulations(const hub::Hub& hub) override { return simulations_.list(hub); }
  hub::Result<void> remove_simulation(const hub::Hub& hub, std::int64_t id) override {
    return simulations_.remove(hub, id);
  }

  hub::Result<hub::Json> apply_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& seeds) override;
  hub::Result<hub::Json> diff_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& seeds) override;
  hub::Result<std::string> export_seed(hub::Hub& hub) override;

 private:
  const Config& config_;
  const Ports& ports_;
  const net::tls::CertificateAuthority& authority_;
  net::Server& server_;
  Snapshots snapshots_;
  HubSet& hubs_;
  Simulations& simulations_;
  const std::function<void()> content_changed_;
};

}  // namespace iothub::app
