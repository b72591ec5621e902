#include "emulator/app/seeded_random.h"

#include "protocol/text/fnv.h"

namespace iothub::app {

SeededRandom::SeededRandom(std::string_view seed) : state_(text::fnv1a(seed)) {}

void SeededRandom::fill(std::span<std::byte> bytes) {
  std::uint64_t number = 0;
  int left = 0;
  for (std::byte& byte : bytes) {
    if (left == 0) {
      state_ += 0x9E3779B97F4A7C15U;
      number = state_;
      number = (number ^ number >> 30U) * 0xBF58476D1CE4E5B9U;
      number = (number ^ number >> 27U) * 0x94D049BB133111EBU;
      number ^= number >> 31U;
      left = 8;
    }
    byte = static_cast<std::byte>(number & 0xFFU);
    number >>= 8U;
    --left;
  }
}

}  // namespace iothub::app
