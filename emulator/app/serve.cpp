#include "emulator/app/serve.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <utility>

#include "emulator/app/banner.h"
#include "emulator/app/emulator.h"
#include "emulator/app/exit_status.h"
#include "emulator/net/tls/atomic_file.h"

namespace iothub::app {
namespace {

/// Each client takes one: the usual 1024 that a shell gives are soon gone, and a process may take up to its hard limit
/// without asking anybody. Not in `exec`, whose child would inherit it: programs that select() fail past 1024.
void take_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  spdlog::debug("descriptors: {} instead of {}", limit.rlim_max, before);
}

}  // namespace

int serve(const Config& config) {
  // One of an earlier hub would tell a waiting script too early.
  if (!config.ready_file.empty()) std::filesystem::remove(config.ready_file);

  take_all_descriptors();
  Emulator emulator(config, PortFallback::https_not_permitted);
  boost::asio::signal_set signals(emulator.loop().io(), SIGINT, SIGTERM);
  signals.async_wait([&emulator](boost::system::error_code error, int signal) {
    if (error) return;
    spdlog::info("{}: the hub stops", signal == SIGINT ? "SIGINT" : "SIGTERM");
    emulator.stop();
  });

  std::cerr << banner(emulator.running(), config.listen_address,
                      config.in_memory ? "in memory, gone when the hub ends" : config.data_folder.string())
            << std::flush;
  if (!config.ready_file.empty()) {
    // It holds the policies' keys.
    net::tls::write_file_atomically(config.ready_file, to_json(emulator.running()).dump() + "\n", 0600);
  }
  emulator.run();
  return kDone;
}

}  // namespace iothub::app
