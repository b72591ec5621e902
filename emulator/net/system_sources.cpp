#include "emulator/net/system_sources.h"

#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <ratio>
#include <stdexcept>

namespace iothub::net {

Timestamp SystemClock::now() const {
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, Timestamp::kPerSecond>>;
  const auto since_unix_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {Timestamp::kUnixEpoch + std::chrono::duration_cast<Ticks>(since_unix_epoch).count()};
}

void SystemRandom::fill(std::span<std::byte> bytes) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kMost);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
      throw std::runtime_error("the machine gives no random bytes");
    bytes = bytes.subspan(size);
  }
}

}  // namespace iothub::net
