// Tokens: what is signed verifies under its key alone; any other text opens nothing.
#include "emulator/hub/sas_token.h"

#include "protocol/text/base64.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

const FuzzWorld& world() {
  static const FuzzWorld made;
  return made;
}

void require_closed(std::string_view token) {
  require(!world().hub.auth().verify_policy_token(token), "a token that was not signed opens the hub");
  require(!world().hub.auth().authorize_service(token, "/devices/d1", hub::Rights::registry_read),
          "a token that was not signed opens a device");
  for (const hub::Identity& identity : {kD1, kM1}) {
    const auto shown = world().hub.auth().authenticate_device(identity, {.sas_token = token});
    require(!shown, "a token that was not signed is a device's");
    require(!shown.error().reason.empty(), "a refusal has a reason");
  }
}

}  // namespace

void sas_token(std::string_view input) {
  if (const auto token = hub::SasToken::parse(input)) {
    require(!token->signed_by("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "a text is a signature");
  }
  require_closed(input);

  Input parts(input);
  const std::string_view resource = parts.line();
  const std::string_view policy = parts.line();
  const std::string key = text::base64_encode(bytes_of(parts.line()));
  const auto expiry = static_cast<std::int64_t>(parts.number(4));
  const std::string token = hub::sign_sas_token(resource, policy, key, expiry).value();
  const auto read = hub::SasToken::parse(token);
  require(read.has_value(), "a made token can be read");
  require(read->resource == resource && read->policy == policy && read->expiry == expiry,
          "it says what it was made of");
  require(read->signed_by(key), "it verifies");

  const std::size_t at = parts.number(2) % token.size();
  std::string forged = token;
  forged[at] = static_cast<char>(forged[at] ^ static_cast<char>(1 + parts.number(1) % 255));
  const auto other = hub::SasToken::parse(forged);
  const bool says_the_same = other && other->resource == read->resource && other->expiry == read->expiry &&
                             text::base64_decode(other->signature) == text::base64_decode(read->signature);
  require(!other || !other->signed_by(key) || says_the_same, "a changed token verifies: " + forged);
  require_closed(token);
}

}  // namespace iothub::fuzz
