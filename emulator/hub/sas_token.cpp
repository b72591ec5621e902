#include "emulator/hub/sas_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";
constexpr std::int64_t kLatestExpiry = 253'402'300'799;  // the end of the year 9999: later times do not exist in .NET

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
  const std::optional<std::vector<std::byte>> key = text::base64_decode(base64_key);
  const std::optional<std::vector<std::byte>> given = text::base64_decode(signature);
  if (!key || !given) return false;

  const std::string message = raw_resource + "\n" + raw_expiry;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), digest.data(), &size);
  return given->size() == size && CRYPTO_memcmp(digest.data(), given->data(), size) == 0;
}

}  // namespace iothub::hub
