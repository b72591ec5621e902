#pragma once
/// What the control API asks of the program: certificates, connection strings, files.
#include "emulator/app/ports.h"
#include "emulator/heads/control/actions.h"
#include "emulator/net/tls/certificate_authority.h"

namespace iothub::app {

class ControlActions final : public heads::control::Actions {
 public:
  /// Both outlive it.
  ControlActions(const Ports& ports, const net::tls::CertificateAuthority& authority)
      : ports_(ports), authority_(authority) {}

  std::string version() const override;
  std::string ca_pem() const override;
  std::size_t resident_bytes() const override;
  hub::Json connection_strings(const hub::Hub& hub) const override;
  std::string device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                       const std::string& key) const override;

  hub::Result<hub::Json> apply_seed(hub::Hub& hub, std::string_view text, std::string_view name) override;
  hub::Result<std::string> export_seed(hub::Hub& hub) override;

 private:
  const Ports& ports_;
  const net::tls::CertificateAuthority& authority_;
};

}  // namespace iothub::app
