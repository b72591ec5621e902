#pragma once
/// The same bytes on every run.
#include <random>
#include <span>

#include "emulator/hub/clock.h"

namespace iothub::test {

class FakeRandom final : public hub::RandomSource {
 public:
  explicit FakeRandom(std::uint32_t seed = 1) : engine_(seed) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine_() & 0xFFU);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace iothub::test
