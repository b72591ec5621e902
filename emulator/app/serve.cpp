#include "emulator/app/serve.h"

#include <spdlog/spdlog.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "emulator/app/banner.h"
#include "emulator/app/emulator.h"
#include "emulator/app/exit_status.h"
#include "emulator/net/tls/atomic_file.h"

namespace iothub::app {

int serve(const Config& config) {
  // One of an earlier hub would tell a waiting script too early.
  if (!config.ready_file.empty()) std::filesystem::remove(config.ready_file);

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
    net::tls::write_file_atomically(config.ready_file, to_json(emulator.running()).dump() + "\n", 0644);
  }
  emulator.run();
  return kDone;
}

}  // namespace iothub::app
