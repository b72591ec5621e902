#pragma once
/// Who may speak: hub-level tokens for the service side, identity keys or policies or certificates for the device side.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/policies.h"

namespace iothub::storage {
class Store;
struct IdentityRow;
}  // namespace iothub::storage

namespace iothub::hub {

class DeviceCas;
class IdentityCache;
struct SasToken;

/// The certificate a TLS client showed; nothing is trusted about it yet.
struct ClientCertificate {
  std::string sha1_thumbprint;  ///< hex
  std::string sha256_thumbprint;
  std::string common_name;
  std::vector<std::string> chain{};  ///< DER; the client's own first, then what it sent along
};

/// What a device or module shows when it connects.
struct DeviceCredentials {
  std::string_view sas_token;  ///< empty: none
  const ClientCertificate* certificate = nullptr;
};

/// A device or module that has proved who it is.
struct DevicePrincipal {
  Identity identity;
  std::string generation_id;
  /// JSON of the iothub-connection-auth-method annotation.
  std::string auth_method;
  /// When a live link has to end (the token's expiry plus the grace); nothing for certificates.
  std::optional<Timestamp> link_ends;
};

/// What a policy's token opens.
struct PolicyGrant {
  std::string policy;
  Rights rights = Rights::none;
  std::string resource;  ///< the path it is for, without host and leading slash; empty: the whole hub
  Timestamp link_ends;   ///< when a live link has to end: the token's expiry plus the grace

  /// As authorize_service() decides it; 401002.
  Result<void> authorize(std::string_view endpoint, Rights needed) const;
};

struct AuthOptions {
  std::int64_t connect_grace_seconds = 0;
  std::int64_t live_grace_seconds = 0;
  std::vector<std::string> device_cas{};  ///< PEM: who may sign certificates of type certificateAuthority
};

class Auth {
 public:
  /// `host_names` decides whether a token's host part means this hub. Throws as DeviceCas does.
  Auth(std::vector<Policy> policies, AuthOptions options, std::vector<std::string> host_names,
       IdentityCache& identities, const Clock& clock);
  ~Auth();

  const std::vector<Policy>& policies() const { return policies_; }
  const Policy* policy(std::string_view name) const;
  void set_policies(std::vector<Policy> policies) { policies_ = std::move(policies); }

  const std::vector<std::string>& device_cas() const { return options_.device_cas; }
  /// Throws as DeviceCas does; then nothing has changed.
  void set_device_cas(std::vector<std::string> pem_texts);

  /// A service request: `authorization` is the header's value, `endpoint` the decoded path (`/devices/d`).
  /// Refuses with 401002; the reason says which part was wrong.
  Result<void> authorize_service(std::string_view authorization, std::string_view endpoint, Rights needed) const;

  /// The token of a policy by itself, as AMQP shows it before it says what for. Refuses with 401002 and the reason.
  Result<PolicyGrant> verify_policy_token(std::string_view token) const;

  /// A device or module that connects or calls: its own key, a policy with DeviceConnect, or its certificate.
  /// Refuses an unknown, disabled or wrongly authenticated identity with 401002 and the reason.
  Result<DevicePrincipal> authenticate_device(const Identity& identity, const DeviceCredentials& credentials) const;

  /// The same for a device's HTTP request, where an unknown or disabled device is 404001, before the token is looked at
  /// (corrections.md A5, two reports from the field); 401002 for the rest.
  Result<DevicePrincipal> authorize_device_request(const DeviceId& device, const DeviceCredentials& credentials) const;

 private:
  Result<void> check_certificate(const storage::IdentityRow& row, const Identity& identity,
                                 const ClientCertificate& shown) const;
  Result<void> check_expiry(const SasToken& token) const;
  Result<void> check_host(std::string_view resource_host) const;

  std::vector<Policy> policies_;
  AuthOptions options_;
  std::vector<std::string> host_names_;
  IdentityCache& identities_;
  const Clock& clock_;
  std::unique_ptr<const DeviceCas> device_cas_;
};

/// Whether a said host (with or without port, brackets, any case) is one of the names, or any loopback address.
bool names_host(std::string_view said, const std::vector<std::string>& host_names);

}  // namespace iothub::hub
