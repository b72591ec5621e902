#pragma once
/// How long a test waits for what must happen: long enough for a busy machine, never for ever.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace iothub::test {

/// 1, or 4 where IOTHUB_TEST_SLOW=1 says that the emulator is an instrumented one.
inline int slowness() {
  const char* slow = std::getenv("IOTHUB_TEST_SLOW");
  return slow != nullptr && std::string_view(slow) == "1" ? 4 : 1;
}

inline std::chrono::milliseconds patience() {
  return std::chrono::seconds{5} * slowness();
}

/// For proofs of absence: what should not come gets this long to come.
inline constexpr std::chrono::milliseconds kAbsence{150};

/// A moment that waits end at.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds from_now = patience())
      : at_(std::chrono::steady_clock::now() + from_now) {}
  bool passed() const { return std::chrono::steady_clock::now() >= at_; }
  /// What is left, as poll(2) takes it: never negative, rounded up.
  int left() const {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(rest.count(), 0));
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

}  // namespace iothub::test
