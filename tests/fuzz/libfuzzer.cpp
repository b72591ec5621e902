// libFuzzer's entry: the environment variable FUZZ_TARGET names the target, also for the processes that libFuzzer
// starts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

namespace {

const iothub::fuzz::Target& chosen() {
  const char* name = std::getenv("FUZZ_TARGET");
  for (const iothub::fuzz::Target& target : iothub::fuzz::kTargets) {
    if (name != nullptr && target.name == name) return target;
  }
  std::fprintf(stderr, "FUZZ_TARGET has to be one of:\n");
  for (const iothub::fuzz::Target& target : iothub::fuzz::kTargets) {
    std::fprintf(stderr, "  %s\n", target.name.data());
  }
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const iothub::fuzz::Target& target = chosen();
  target.run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
