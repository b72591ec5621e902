#pragma once
/// The machine's time and chance, for what the hub wants passed in.
#include "emulator/hub/clock.h"

namespace iothub::net {

/// Wall-clock time; it jumps when somebody sets the machine's clock.
class SystemClock final : public hub::Clock {
 public:
  Timestamp now() const override;
};

/// The operating system's cryptographic randomness, through OpenSSL. fill() throws std::runtime_error when there is
/// none.
class SystemRandom final : public hub::RandomSource {
 public:
  void fill(std::span<std::byte> bytes) override;
};

}  // namespace iothub::net
