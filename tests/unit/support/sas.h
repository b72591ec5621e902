#pragma once
/// Makes tokens as the SDKs do.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::test {

/// `resource` is signed exactly as given (already percent-encoded where the SDK would encode it).
inline std::string sas_token(std::string_view resource, std::string_view base64_key, std::int64_t expiry,
                             std::string_view policy = {}) {
  const auto key = text::base64_decode(base64_key).value();
  const std::string message = std::string(resource) + "\n" + std::to_string(expiry);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), digest.data(), &size);
  const std::string signature = text::base64_encode(std::as_bytes(std::span(digest.data(), size)));
  std::string token = "SharedAccessSignature sr=" + std::string(resource) + "&sig=" + text::percent_encode(signature) +
                      "&se=" + std::to_string(expiry);
  if (!policy.empty()) token += "&skn=" + std::string(policy);
  return token;
}

}  // namespace iothub::test
