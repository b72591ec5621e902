#pragma once
/// Claims-based security: the tokens a connection has shown, and the requests to `$cbs` that show them (amqp.md 2.2).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/auth.h"
#include "emulator/hub/hub.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

/// What a connection may do by its tokens: any number of policies' and devices', one a resource.
class Claims {
 public:
  /// Takes a token that is good for something now; refuses it as authentication does.
  hub::Result<void> present(hub::Hub& hub, std::string_view token);

  /// For the service side: one of the policies' tokens covers the endpoint with these rights.
  hub::Result<void> authorize(std::string_view endpoint, hub::Rights needed) const;
  /// For a device or module: by its own token, or that of a policy that covers it.
  hub::Result<hub::DevicePrincipal> authenticate(hub::Hub& hub, const hub::Identity& identity,
                                                 const hub::ClientCertificate* certificate) const;

  /// Whether a token that is good for the device or module was shown and has not been forgotten.
  bool covers(const hub::Identity& identity) const;

  /// Forgets the tokens whose live links have to end now; answers when the next do.
  std::optional<Timestamp> expire(Timestamp now);

 private:
  struct Claim {
    std::string resource;
    std::string token;
    std::optional<hub::PolicyGrant> grant;  ///< of a policy
    hub::Identity identity;                 ///< without a policy: whose own token it is
    Timestamp ends;
  };
  std::vector<Claim> claims_;
};

/// Answers put-token.
amqp::Message answer_put_token(hub::Hub& hub, Claims& claims, const amqp::Message& request, std::string& log);

}  // namespace iothub::heads::amqp_head
