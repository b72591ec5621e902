#include "tests/wire/support/shared_emulator.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>

namespace iothub::test {
namespace {

struct Shared {
  TemporaryFolder folder;
  EmulatorProcess process{{.data = folder / "data", .ca_dir = {}, .flags = {}}};
};

std::unique_ptr<Shared>& shared() {
  static std::unique_ptr<Shared> one;
  return one;
}

}  // namespace

EmulatorProcess& shared_emulator() {
  if (!shared()) {
    auto started = std::make_unique<Shared>();
    started->process.await_ready();
    shared() = std::move(started);
  }
  return shared()->process;
}

std::filesystem::path shared_database() {
  return shared()->folder / "data" / "hub.db";
}

std::string shared_log() {
  constexpr std::size_t kShown = 8 * 1024;
  const std::string log = shared() ? shared()->process.log() : "";
  return log.substr(log.size() - std::min(log.size(), kShown));
}

bool stop_shared_emulator() {
  if (!shared()) return true;
  try {
    const int status = shared()->process.stop();
    if (status == 0) return true;
    std::fprintf(stderr, "the shared emulator ended with %d:\n%s\n", status, shared()->process.log().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return false;
}

}  // namespace iothub::test
