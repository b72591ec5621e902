#include "emulator/seed/derived_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <span>
#include <stdexcept>

#include "protocol/text/base64.h"

namespace iothub::seed {

std::string derived_key(std::string_view key_seed, std::string_view kind, std::string_view name,
                        std::string_view which) {
  const std::string text = std::string(kind) + " " + std::string(name) + " " + std::string(which);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (::HMAC(::EVP_sha256(), key_seed.data(), static_cast<int>(key_seed.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL has no HMAC-SHA256");
  }
  return text::base64_encode(std::as_bytes(std::span(digest).first(size)));
}

}  // namespace iothub::seed
