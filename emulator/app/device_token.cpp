#include "emulator/app/device_token.h"

#include <chrono>

#include "emulator/hub/sas_token.h"

namespace iothub::app {
namespace {

constexpr std::chrono::hours kTokenLife{1};

}  // namespace

std::optional<std::string> device_token(const std::string& host, const std::string& device, const std::string& key) {
  const auto expiry = std::chrono::system_clock::now() + kTokenLife;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expiry.time_since_epoch()).count();
  return hub::sign_sas_token(host + "/devices/" + device, {}, key, seconds);
}

}  // namespace iothub::app
