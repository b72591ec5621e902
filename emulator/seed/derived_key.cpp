#include "emulator/seed/derived_key.h"

#include <span>

#include "emulator/hub/hmac.h"
#include "protocol/text/base64.h"

namespace iothub::seed {

std::string derived_key(std::string_view key_seed, std::string_view kind, std::string_view name,
                        std::string_view which) {
  const std::string text = std::string(kind) + " " + std::string(name) + " " + std::string(which);
  return text::base64_encode(hub::hmac_sha256(std::as_bytes(std::span(key_seed)), text));
}

}  // namespace iothub::seed
