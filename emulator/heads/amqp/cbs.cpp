#include "emulator/heads/amqp/cbs.h"

#include <algorithm>

#include "emulator/heads/amqp/link_address.h"
#include "emulator/heads/amqp/management.h"
#include "emulator/hub/sas_token.h"
#include "protocol/text/ascii.h"

namespace iothub::heads::amqp_head {
namespace {

/// `host/devices/d/modules/m` -> the identity; an empty device id when it names none.
hub::Identity identity_of(std::string_view resource) {
  if (const std::size_t scheme = resource.find("://"); scheme != std::string_view::npos)
    resource.remove_prefix(scheme + 3);
  resource.remove_prefix(std::min(resource.size(), resource.find('/')));
  std::string path(resource);
  while (path.ends_with('/')) path.pop_back();
  // Any word behind the identity makes it an address.
  return parse_link_address(path + "/twin").identity;
}

}  // namespace

hub::Result<void> Claims::present(hub::Hub& hub, std::string_view text) {
  hub::Result<hub::SasToken> token = hub::SasToken::parse(text);
  if (!token) return token.error();
  Claim claim{token->resource, std::string(text), std::nullopt, {}, {}};
  if (!token->policy.empty()) {
    hub::Result<hub::PolicyGrant> grant = hub.auth().verify_policy_token(text);
    if (!grant) return grant.error();
    claim.ends = grant->link_ends;
    claim.grant = std::move(*grant);
  } else {
    const hub::Identity identity = identity_of(token->resource);
    if (identity.device.value.empty())
      return hub::unauthorized("the token's resource '" + token->resource + "' names no device");
    const hub::Result<hub::DevicePrincipal> principal =
        hub.auth().authenticate_device(identity, {.sas_token = text, .certificate = nullptr});
    if (!principal) return principal.error();
    claim.identity = identity;
    claim.ends = principal->link_ends.value_or(Timestamp{});
  }
  std::erase_if(claims_, [&](const Claim& old) {
    if (old.grant.has_value() != claim.grant.has_value()) return false;
    return claim.grant ? old.resource == claim.resource : old.identity == claim.identity;
  });
  claims_.push_back(std::move(claim));
  return {};
}

hub::Result<void> Claims::authorize(std::string_view endpoint, hub::Rights needed) const {
  hub::HubError refusal = hub::unauthorized("no token of a shared access policy was shown");
  for (const Claim& claim : claims_) {
    if (!claim.grant) continue;
    hub::Result<void> authorized = claim.grant->authorize(endpoint, needed);
    if (authorized) return {};
    refusal = authorized.error();
  }
  return refusal;
}

hub::Result<hub::DevicePrincipal> Claims::authenticate(hub::Hub& hub, const hub::Identity& identity,
                                                       const hub::ClientCertificate* certificate) const {
  hub::HubError refusal = hub::unauthorized("no token was shown");
  for (const Claim& claim : claims_) {
    if (!claim.grant && claim.identity != identity) continue;
    hub::Result<hub::DevicePrincipal> principal =
        hub.auth().authenticate_device(identity, {.sas_token = claim.token, .certificate = nullptr});
    if (principal) return principal;
    refusal = principal.error();
  }
  if (certificate == nullptr) return refusal;
  return hub.auth().authenticate_device(identity, {.sas_token = {}, .certificate = certificate});
}

bool Claims::covers(const hub::Identity& identity) const {
  std::string endpoint = "devices/" + identity.device.value;
  if (identity.is_module()) endpoint += "/modules/" + identity.module.value;
  return std::any_of(claims_.begin(), claims_.end(), [&](const Claim& claim) {
    return claim.grant ? claim.grant->authorize(endpoint, hub::Rights::device_connect).has_value()
                       : claim.identity == identity;
  });
}

std::optional<Timestamp> Claims::expire(Timestamp now) {
  std::erase_if(claims_, [&](const Claim& claim) { return claim.ends <= now; });
  std::optional<Timestamp> next;
  for (const Claim& claim : claims_) next = std::min(next.value_or(claim.ends), claim.ends);
  return next;
}

amqp::Message answer_put_token(hub::Hub& hub, Claims& claims, const amqp::Message& request, std::string& log) {
  const std::string operation = amqp::text_at(request.application_properties, "operation");
  const std::string type = amqp::text_at(request.application_properties, "type");
  if (operation != "put-token") {
    log = "the operation '" + operation + "' is not put-token";
    return status_answer(request, 400, log);
  }
  if (type != "servicebus.windows.net:sastoken") {
    log = "tokens of type '" + type + "' are not accepted; use shared access signatures";
    return status_answer(request, 401, log);
  }
  const std::string token = request.body();
  const hub::Result<void> presented = claims.present(hub, token);
  if (presented) return status_answer(request, 200, "OK");
  log = presented.error().reason;

  // The texts are recorded ones (corrections.md 4).
  const hub::Result<hub::SasToken> parsed = hub::SasToken::parse(token);
  if (!parsed) return status_answer(request, 401, log);
  const hub::Identity identity = identity_of(parsed->resource);
  if (parsed->policy.empty() && !identity.device.value.empty() && !hub.registry().get(identity)) {
    return status_answer(request, 404,
                         "Device " + identity.name() + " at IotHub " + hub.short_name() + " not registered.");
  }
  if (parsed->expiry <= hub.auth().now().unix_seconds())
    return status_answer(request, 401, "The specified SAS token is expired");
  if (log.find("signature") != std::string::npos) {
    return status_answer(
        request, 401,
        "The specified SAS token has an invalid signature. It does not match either the primary or secondary key.");
  }
  return status_answer(request, 401, log);
}

}  // namespace iothub::heads::amqp_head
