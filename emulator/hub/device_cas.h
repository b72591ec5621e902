#pragma once
/// The CA certificates registered with a hub, which sign its devices' certificates (documentation: Authenticate devices
/// using X.509 CA certificates).
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"

namespace iothub::hub {

class DeviceCas {
 public:
  /// Every certificate of the PEM texts. Throws std::invalid_argument for a text without one or with a damaged one,
  /// and for a certificate that is no CA's.
  explicit DeviceCas(const std::vector<std::string>& pem_texts);
  DeviceCas(const DeviceCas&) = delete;
  DeviceCas& operator=(const DeviceCas&) = delete;
  ~DeviceCas();

  /// Whether a registered CA signed the first certificate of the chain, directly or by way of the others, all of them
  /// in date at `now`. Refuses with 401002 and OpenSSL's reason. A registered intermediate is trusted by itself: its
  /// root need not be registered.
  Result<void> verify(std::span<const std::string> chain_der, Timestamp now) const;

 private:
  struct Store;
  std::unique_ptr<Store> store_;
};

}  // namespace iothub::hub
