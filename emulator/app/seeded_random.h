#pragma once
/// `--deterministic SEED`: the same keys, etags and ids in every run that asks the same of the hub in the same order.
/// For tests: whoever knows the seed knows the keys.
#include <cstdint>
#include <string_view>

#include "emulator/hub/clock.h"

namespace iothub::app {

/// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators), begun from the seed's FNV-1a.
class SeededRandom final : public hub::RandomSource {
 public:
  explicit SeededRandom(std::string_view seed);
  void fill(std::span<std::byte> bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace iothub::app
