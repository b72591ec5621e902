#include "emulator/app/sas.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::app {

std::string sas_token(std::string_view resource, std::string_view policy, std::string_view base64_key,
                      std::int64_t expiry_unix_seconds) {
  const auto key = text::base64_decode(base64_key);
  if (!key) throw std::runtime_error("the connection string's SharedAccessKey is not base64");
  const std::string encoded_resource = text::percent_encode(resource);
  const std::string expiry = std::to_string(expiry_unix_seconds);
  const std::string message = encoded_resource + "\n" + expiry;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), &size) == nullptr) {
    throw std::runtime_error("cannot sign a token");
  }
  const std::string signature = text::base64_encode(std::as_bytes(std::span(digest.data(), size)));
  return "SharedAccessSignature sr=" + encoded_resource + "&sig=" + text::percent_encode(signature) + "&se=" + expiry +
         (policy.empty() ? std::string() : "&skn=" + text::percent_encode(policy));
}

}  // namespace iothub::app
