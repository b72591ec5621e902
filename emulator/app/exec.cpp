#include "emulator/app/exec.h"

#include <fcntl.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <vector>

#include "emulator/app/client_environment.h"
#include "emulator/app/emulator.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/temporary_folder.h"

namespace iothub::app {
namespace {

bool ignores(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Pointers into the strings, as the system's calls take them.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& each : strings) result.push_back(each.data());
  result.push_back(nullptr);
  return result;
}

/// Starts the program, looked for in PATH, and gives its process id; `error` is an errno otherwise.
int spawn(std::vector<std::string> command, const Environment& environment, const sigset_t& reset, pid_t& child) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + '=' + value);

  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return error;
  ::posix_spawnattr_setsigdefault(&attributes, &reset);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&child, command.front().c_str(), nullptr, &attributes, pointers(command).data(),
                                   pointers(variables).data());
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

/// What the emulator is about to ignore, and a program would inherit: `command | head` would never end.
sigset_t signals_to_reset() {
  sigset_t reset;
  sigemptyset(&reset);
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    if (!ignores(signal)) sigaddset(&reset, signal);
  }
  return reset;
}

int exit_status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? kKilledBySignal + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

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
