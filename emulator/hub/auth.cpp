#include "emulator/hub/auth.h"

#include <algorithm>
#include <array>
#include <span>

#include "emulator/hub/device_cas.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/sas_token.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kHubScope = R"({"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})";
constexpr std::string_view kDeviceSas =
    R"({"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})";
constexpr std::string_view kModuleSas =
    R"({"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})";
constexpr std::string_view kDeviceX509 =
    R"({"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null})";
constexpr std::string_view kModuleX509 =
    R"({"scope":"module","type":"x509","issuer":"external","acceptingIpFilterRule":null})";

/// `LOCALHOST:8443` -> `localhost`, `[::1]:443` -> `::1`.
std::string bare_host(std::string_view said) {
  if (said.starts_with('[')) {
    said = said.substr(1, said.find(']') - 1);
  } else if (std::count(said.begin(), said.end(), ':') == 1) {
    said = said.substr(0, said.find(':'));
  }
  if (said.ends_with('.')) said.remove_suffix(1);
  return text::lower(said);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") &&
          std::all_of(host.begin(), host.end(), [](char c) { return text::is_digit(c) || c == '.'; }));
}

struct Resource {
  std::string_view host;
  std::string_view path;  ///< without the leading slash
};

Resource split_resource(std::string_view resource) {
  if (const std::size_t scheme = resource.find("://"); scheme != std::string_view::npos)
    resource.remove_prefix(scheme + 3);
  const std::size_t slash = resource.find('/');
  if (slash == std::string_view::npos) return {resource, {}};
  std::string_view path = resource.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return {resource.substr(0, slash), path};
}

bool names_identity(std::string_view endpoint) {
  const std::string_view first = endpoint.substr(0, endpoint.find('/'));
  constexpr std::array<std::string_view, 3> kCollections{"devices", "twins", "digitaltwins"};
  return std::any_of(kCollections.begin(), kCollections.end(),
                     [&](std::string_view collection) { return text::equals_ignoring_case(first, collection); });
}

/// Whether `resource` covers `endpoint` segment by segment: `devices/a` covers `devices/a/messages`, not `devices/ab`.
/// The ids of devices and modules, which alternate with fixed words, match exactly; all else in any case: of one event
/// hub address Python writes `consumergroups`, JavaScript `ConsumerGroups`.
bool covers(std::string_view resource, std::string_view endpoint) {
  if (endpoint.starts_with('/')) endpoint.remove_prefix(1);
  const bool has_ids = names_identity(endpoint);
  for (int i = 0; !resource.empty(); ++i) {
    const std::string_view have = resource.substr(0, resource.find('/'));
    const std::string_view want = endpoint.substr(0, endpoint.find('/'));
    if (has_ids && i % 2 == 1 ? have != want : !text::equals_ignoring_case(have, want)) return false;
    resource.remove_prefix(std::min(resource.size(), have.size() + 1));
    endpoint.remove_prefix(std::min(endpoint.size(), want.size() + 1));
  }
  return true;
}

std::string endpoint_of(const Identity& identity) {
  std::string path = "devices/" + identity.device.value;
  if (identity.is_module()) path += "/modules/" + identity.module.value;
  return path;
}

bool same_thumbprint(const std::optional<std::string>& registered, const ClientCertificate& shown) {
  return registered && !registered->empty() &&
         (text::equals_ignoring_case(*registered, shown.sha1_thumbprint) ||
          text::equals_ignoring_case(*registered, shown.sha256_thumbprint));
}

/// Event Hubs clients sign with the text of the key, not with what its base64 stands for (azure-eventhub, and Service
/// Bus throughout). Such a token names an event hub.
bool signed_by_policy(const SasToken& token, const Policy& policy, const Resource& resource) {
  if (token.signed_by(policy.primary_key) || token.signed_by(policy.secondary_key)) return true;
  const bool for_event_hub = !resource.path.empty() && !text::lower(resource.path).starts_with("devices");
  const auto by_text = [&](const std::string& key) {
    return token.signed_by(text::base64_encode(std::as_bytes(std::span(key))));
  };
  return for_event_hub && (by_text(policy.primary_key) || by_text(policy.secondary_key));
}

}  // namespace

bool names_host(std::string_view said, const std::vector<std::string>& host_names) {
  const std::string host = bare_host(said);
  return is_loopback(host) || std::any_of(host_names.begin(), host_names.end(),
                                          [&](const std::string& name) { return bare_host(name) == host; });
}

Auth::Auth(std::vector<Policy> policies, AuthOptions options, std::vector<std::string> host_names,
           IdentityCache& identities, const Clock& clock)
    : policies_(std::move(policies)),
      options_(options),
      host_names_(std::move(host_names)),
      identities_(identities),
      clock_(clock),
      device_cas_(std::make_unique<const DeviceCas>(options_.device_cas)) {}

Auth::~Auth() = default;

const Policy* Auth::policy(std::string_view name) const {
  const auto found = std::find_if(policies_.begin(), policies_.end(), [&](const Policy& candidate) {
    return text::equals_ignoring_case(candidate.name, name);
  });
  return found == policies_.end() ? nullptr : &*found;
}

void Auth::set_device_cas(std::vector<std::string> pem_texts) {
  device_cas_ = std::make_unique<const DeviceCas>(pem_texts);
  options_.device_cas = std::move(pem_texts);
}

Result<void> Auth::check_expiry(const SasToken& token) const {
  const std::int64_t late = clock_.now().unix_seconds() - token.expiry;
  if (late <= options_.connect_grace_seconds) return {};
  return unauthorized("the token expired " + std::to_string(late) + " s ago (se=" + token.raw_expiry + ")");
}

Result<void> Auth::check_host(std::string_view resource_host) const {
  if (names_host(resource_host, host_names_)) return {};
  return unauthorized("the token is for host '" + std::string(resource_host) +
                      "', which is not this hub; see --host-name");
}

Result<void> Auth::authorize_service(std::string_view authorization, std::string_view endpoint, Rights needed) const {
  if (authorization.empty()) return unauthorized("there is no Authorization header");
  if (text::equals_ignoring_case(authorization.substr(0, 7), "Bearer ")) {
    return unauthorized("bearer tokens (Entra ID) are not accepted; use a shared access policy");
  }
  Result<PolicyGrant> grant = verify_policy_token(authorization);
  if (!grant) return grant.error();
  return grant->authorize(endpoint, needed);
}

Result<PolicyGrant> Auth::verify_policy_token(std::string_view text) const {
  Result<SasToken> token = SasToken::parse(text);
  if (!token) return token.error();
  if (token->policy.empty()) {
    return unauthorized("the token names no policy (skn): a device's connection string does not open the service side");
  }
  const Policy* named = policy(token->policy);
  if (named == nullptr) return unauthorized("there is no policy '" + token->policy + "'");
  const Resource resource = split_resource(token->resource);
  if (!signed_by_policy(*token, *named, resource)) {
    return unauthorized("the signature fits neither key of policy '" + named->name + "'");
  }
  if (Result<void> fresh = check_expiry(*token); !fresh) return fresh.error();
  if (Result<void> ours = check_host(resource.host); !ours) return ours.error();
  return PolicyGrant{named->name, named->rights, std::string(resource.path),
                     Timestamp::from_unix_seconds(token->expiry).plus_seconds(options_.live_grace_seconds)};
}

Result<void> PolicyGrant::authorize(std::string_view endpoint, Rights needed) const {
  if (!covers(resource, endpoint)) {
    return unauthorized("the token's resource '" + resource + "' does not cover " + std::string(endpoint));
  }
  if (!includes(rights, needed)) {
    return unauthorized("policy '" + policy + "' gives " + to_string(rights) + "; this needs " + to_string(needed));
  }
  return {};
}

Result<void> Auth::check_certificate(const storage::IdentityRow& row, const Identity& identity,
                                     const ClientCertificate& shown) const {
  if (row.authentication_type == "certificateAuthority") {
    const Result<void> signed_by_ours = device_cas_->verify(shown.chain, clock_.now());
    if (!signed_by_ours) return signed_by_ours;
    if (shown.common_name == identity.name()) return {};
    return unauthorized("the client certificate is for '" + shown.common_name + "', not for '" + identity.name() + "'");
  }
  if (row.authentication_type != "selfSigned") {
    return unauthorized("a client certificate was shown, but '" + identity.name() +
                        "' is registered with authentication '" + row.authentication_type + "'");
  }
  if (same_thumbprint(row.primary_thumbprint, shown) || same_thumbprint(row.secondary_thumbprint, shown)) return {};
  return unauthorized("the client certificate's thumbprint (SHA-1 " + shown.sha1_thumbprint +
                      ") is neither of those registered for '" + identity.name() + "'");
}

Result<DevicePrincipal> Auth::authenticate_device(const Identity& identity,
                                                  const DeviceCredentials& credentials) const {
  const storage::IdentityRow* device = identities_.find({identity.device});
  if (device == nullptr)
    return unauthorized("device '" + identity.device.value + "' is not registered (ids are case-sensitive)");
  if (!device->enabled) return unauthorized("device '" + identity.device.value + "' is disabled");
  // The pointer does not outlive the next look-up: a module's row may push the device's out of the cache.
  const storage::IdentityRow* row = identity.is_module() ? identities_.find(identity) : device;
  if (row == nullptr) {
    return unauthorized("module '" + identity.module.value + "' is not registered on device '" + identity.device.value +
                        "'");
  }

  DevicePrincipal principal{identity, row->generation_id, {}, std::nullopt};

  if (credentials.sas_token.empty()) {
    if (credentials.certificate == nullptr)
      return unauthorized("neither a SAS token nor a client certificate was given");
    if (const auto good = check_certificate(*row, identity, *credentials.certificate); !good) return good.error();
    principal.auth_method = identity.is_module() ? kModuleX509 : kDeviceX509;
    return principal;
  }

  Result<SasToken> token = SasToken::parse(credentials.sas_token);
  if (!token) return token.error();
  if (token->policy.empty()) {
    if (row->authentication_type != "sas" || !row->primary_key || !row->secondary_key) {
      return unauthorized("a SAS token was given, but '" + identity.name() + "' is registered with authentication '" +
                          row->authentication_type + "'");
    }
    if (!token->signed_by(*row->primary_key) && !token->signed_by(*row->secondary_key)) {
      return unauthorized("the signature fits neither key of '" + identity.name() + "'");
    }
    principal.auth_method = identity.is_module() ? kModuleSas : kDeviceSas;
  } else {
    const Policy* named = policy(token->policy);
    if (named == nullptr) return unauthorized("there is no policy '" + token->policy + "'");
    if (!token->signed_by(named->primary_key) && !token->signed_by(named->secondary_key)) {
      return unauthorized("the signature fits neither key of policy '" + named->name + "'");
    }
    if (!includes(named->rights, Rights::device_connect)) {
      return unauthorized("policy '" + named->name + "' gives " + to_string(named->rights) +
                          "; this needs DeviceConnect");
    }
    principal.auth_method = kHubScope;
  }
  if (Result<void> fresh = check_expiry(*token); !fresh) return fresh.error();
  const Resource resource = split_resource(token->resource);
  if (Result<void> ours = check_host(resource.host); !ours) return ours.error();
  if (!covers(resource.path, endpoint_of(identity))) {
    return unauthorized("the token's resource '" + token->resource + "' does not cover '" + identity.name() + "'");
  }
  principal.link_ends = Timestamp::from_unix_seconds(token->expiry).plus_seconds(options_.live_grace_seconds);
  return principal;
}

Result<DevicePrincipal> Auth::authorize_device_request(const DeviceId& device,
                                                       const DeviceCredentials& credentials) const {
  const storage::IdentityRow* row = identities_.find({device});
  if (row == nullptr || !row->enabled) {
    HubError error = device_not_found(device);
    error.reason =
        "device '" + device.value + (row == nullptr ? "' is not registered (ids are case-sensitive)" : "' is disabled");
    return error;
  }
  return authenticate_device({device}, credentials);
}

}  // namespace iothub::hub
