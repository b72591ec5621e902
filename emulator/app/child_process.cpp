#include "emulator/app/child_process.h"

#include <spawn.h>
#include <sys/wait.h>

#include <csignal>

#include "emulator/app/exit_status.h"

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

}  // namespace

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

}  // namespace iothub::app
