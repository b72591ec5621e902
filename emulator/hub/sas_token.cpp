#include "emulator/hub/sas_token.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "emulator/hub/hmac.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";
constexpr std::int64_t kLatestExpiry = 253'402'300'799;  // the end of the year 9999: later times do not exist in .NET

/// HMAC-SHA256 of what a token says, under its base64 key; nothing when that is not base64.
std::optional<std::array<std::byte, 32>> signature_of(std::string_view raw_resource, std::string_view raw_expiry,
                                                      std::string_view base64_key) {
  const std::optional<std::vector<std::byte>> key = text::base64_decode(base64_key);
  if (!key) return std::nullopt;
  std::string message(raw_resource);
  message.append("\n").append(raw_expiry);
  return hmac_sha256(*key, message);
}

}  // namespace

Result<SasToken> SasToken::parse(std::string_view text) {
  if (text.size() < kScheme.size() || !text::equals_ignoring_case(text.substr(0, kScheme.size()), kScheme)) {
    return unauthorized("the token does not begin with 'SharedAccessSignature '");
  }
  text.remove_prefix(kScheme.size());

  std::optional<std::string_view> sr, sig, se, skn;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    if (text::equals_ignoring_case(name, "sr")) sr = value;
    if (text::equals_ignoring_case(name, "sig")) sig = value;
    if (text::equals_ignoring_case(name, "se")) se = value;
    if (text::equals_ignoring_case(name, "skn")) skn = value;
  }
  if (!sr) return unauthorized("the token has no sr (resource)");
  if (!sig) return unauthorized("the token has no sig (signature)");
  if (!se) return unauthorized("the token has no se (expiry)");

  SasToken token;
  token.raw_resource = *sr;
  token.raw_expiry = *se;
  std::optional<std::string> resource = text::percent_decode(*sr);
  std::optional<std::string> signature = text::percent_decode(*sig);
  std::optional<std::string> policy = text::percent_decode(skn.value_or(""));
  if (!resource || !signature || !policy) return unauthorized("the token's percent encoding is broken");
  token.resource = std::move(*resource);
  token.signature = std::move(*signature);
  token.policy = std::move(*policy);

  const char* end = se->data() + se->size();
  const auto [stop, error] = std::from_chars(se->data(), end, token.expiry);
  if (error != std::errc{} || stop != end) return unauthorized("the token's se (expiry) is not a number of seconds");
  return token;
}

bool SasToken::signed_by(std::string_view base64_key) const {
  const auto expected = signature_of(raw_resource, raw_expiry, base64_key);
  const std::optional<std::vector<std::byte>> given = text::base64_decode(signature);
  return expected && given && equal_secrets(*expected, *given);
}

std::optional<std::string> sign_sas_token(std::string_view resource, std::string_view policy,
                                          std::string_view base64_key, std::int64_t expiry_unix_seconds) {
  const std::string raw_resource = text::percent_encode(resource);
  const std::string raw_expiry = std::to_string(expiry_unix_seconds);
  const auto signature = signature_of(raw_resource, raw_expiry, base64_key);
  if (!signature) return std::nullopt;
  return std::string(kScheme) + "sr=" + raw_resource + "&sig=" + text::percent_encode(text::base64_encode(*signature)) +
         "&se=" + raw_expiry + "&skn=" + text::percent_encode(policy);
}

}  // namespace iothub::hub
