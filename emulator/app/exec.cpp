#include "emulator/app/exec.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <vector>

#include "emulator/app/child_process.h"
#include "emulator/app/client_environment.h"
#include "emulator/app/emulator.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/temporary_folder.h"

namespace iothub::app {
namespace {

/// Whether a Ctrl-C reaches this process and the command alike, so that forwarding it would make it two.
bool in_terminals_foreground() {
  const int terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) return false;
  const bool foreground = ::tcgetpgrp(terminal) == ::getpgrp();
  ::close(terminal);
  return foreground;
}

}  // namespace

int exec(const Config& config, const Environment& environment) {
  const sigset_t reset = signals_to_reset();
  Emulator emulator(config, config.allow_port_fallback ? PortFallback::any : PortFallback::none);

  // Before the command starts, so that no signal is missed and no end either.
  boost::asio::signal_set forwarded(emulator.loop().io(), SIGINT, SIGTERM);
  boost::asio::signal_set ended(emulator.loop().io(), SIGCHLD);

  const TemporaryFolder folder;
  Environment for_command = environment;
  const TrustFiles trust = write_trust_files(folder.path(), emulator.running().ca_file, environment);
  for (auto& [name, value] : client_environment(emulator.running(), trust, environment)) for_command[name] = value;

  pid_t child = 0;
  if (const int error = spawn(config.child_command, for_command, reset, child); error != 0) {
    spdlog::error("cannot run '{}': {}", config.child_command.front(), std::strerror(error));
    return error == ENOENT ? kCommandNotFound : kCannotExecute;
  }

  std::function<void()> forward = [&] {
    forwarded.async_wait([&](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal != SIGINT || !in_terminals_foreground()) ::kill(child, signal);
      forward();
    });
  };
  int status = kFailed;
  std::function<void()> await_end = [&] {
    ended.async_wait([&](boost::system::error_code error, int) {
      if (error) return;
      int wait_status = 0;
      const pid_t waited = ::waitpid(child, &wait_status, WNOHANG);
      if (waited == 0) return await_end();  // stopped or continued
      if (waited == child) status = exit_status_of(wait_status);
      emulator.stop();
    });
  };
  forward();
  await_end();
  emulator.run();
  return status;
}

}  // namespace iothub::app
