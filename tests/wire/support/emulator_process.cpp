#include "tests/wire/support/emulator_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "tests/wire/support/patience.h"

namespace iothub::test {
namespace {

std::string& binary() {
  static std::string path;
  return path;
}

[[noreturn]] void throw_errno(const std::string& what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

std::string read_whole(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The caller's environment without what would configure the emulator, and with a home of its own.
std::vector<std::string> child_environment(const std::filesystem::path& home) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable = *each;
    if (!variable.starts_with("IOTHUB_") && !variable.starts_with("XDG_DATA_HOME=")) variables.emplace_back(variable);
  }
  variables.push_back("XDG_DATA_HOME=" + home.string());
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

void use_emulator_binary(std::string path) {
  binary() = std::move(path);
}

EmulatorProcess::EmulatorProcess(const Options& options) {
  const std::string ca_dir = options.ca_dir.empty() ? (folder_ / "ca").string() : options.ca_dir.string();
  std::vector<std::string> arguments{binary(),       "serve", "--https-port",  "0",
                                     "--mqtts-port", "0",     "--amqps-port",  "0",
                                     "--amqp-port",  "0",     "--portal-port", "0",
                                     "--ca-dir",     ca_dir,  "--ready-file",  (folder_ / "ready.json").string()};
  if (options.data.empty()) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.insert(arguments.end(), {"--data", options.data.string()});
  }
  arguments.insert(arguments.end(), options.flags.begin(), options.flags.end());
  std::vector<std::string> environment = child_environment(home());

  folder_watch_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (folder_watch_ < 0 || ::inotify_add_watch(folder_watch_, folder_.path().c_str(), IN_MOVED_TO) < 0) {
    throw_errno("cannot watch " + folder_.path().string());
  }
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  const std::string log_file = (folder_ / "log").string();
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int error = ::posix_spawn(&process_id_, binary().c_str(), &actions, nullptr, pointers(arguments).data(),
                                  pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw_errno("cannot start " + binary(), error);
  process_descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, process_id_, 0));
  if (process_descriptor_ < 0) throw_errno("pidfd_open");
}

EmulatorProcess::~EmulatorProcess() {
  if (!exit_status_) {
    ::kill(process_id_, SIGKILL);
    ::waitpid(process_id_, nullptr, 0);
  }
  ::close(process_descriptor_);
  ::close(folder_watch_);
}

void EmulatorProcess::await_ready() {
  const std::filesystem::path file = folder_ / "ready.json";
  for (const Deadline deadline; !std::filesystem::exists(file);) {
    std::array<pollfd, 2> waits{pollfd{folder_watch_, POLLIN, 0}, pollfd{process_descriptor_, POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), deadline.left()) < 0 && errno != EINTR) throw_errno("poll");
    if (waits[1].revents != 0) throw std::runtime_error("the emulator ended before it was ready:\n" + log());
    if (deadline.passed()) throw std::runtime_error("the emulator is not ready in time:\n" + log());
    std::array<char, 4096> events{};
    while (::read(folder_watch_, events.data(), events.size()) > 0) {
    }
  }
  const auto ready = nlohmann::json::parse(read_whole(file));
  ports_ = ready.at("ports").get<std::map<std::string, std::uint16_t>>();
  ca_file_ = ready.at("caFile").get<std::string>();
  connection_strings_ = ready.at("connectionStrings").get<std::map<std::string, std::string>>();
}

bool EmulatorProcess::exited_within(int milliseconds) {
  if (exit_status_) return true;
  pollfd wait{process_descriptor_, POLLIN, 0};
  if (::poll(&wait, 1, milliseconds) <= 0) return false;
  int status = 0;
  if (::waitpid(process_id_, &status, 0) != process_id_) throw_errno("waitpid");
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

int EmulatorProcess::await_exit() {
  if (!exited_within(Deadline().left())) {
    const std::string said = log();
    kill();
    throw std::runtime_error("the emulator does not end:\n" + said);
  }
  return *exit_status_;
}

int EmulatorProcess::stop() {
  if (!exit_status_) ::kill(process_id_, SIGTERM);
  return await_exit();
}

void EmulatorProcess::kill() {
  if (!exit_status_) ::kill(process_id_, SIGKILL);
  if (!exited_within(Deadline().left())) throw std::runtime_error("SIGKILL does not end the emulator");
}

std::string EmulatorProcess::log() const {
  return read_whole(folder_ / "log");
}

}  // namespace iothub::test
