#pragma once
/// The program under test as a process, by its command line alone.
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/support/temporary_folder.h"

namespace iothub::test {

/// The file that every EmulatorProcess runs; set once, by main().
void use_emulator_binary(std::string path);

/// `iothub-emulator serve` on ports that the system picks. Its log, ready file and default folders are in a folder of
/// its own.
class EmulatorProcess {
 public:
  struct Options {
    std::filesystem::path data;    ///< empty: in memory
    std::filesystem::path ca_dir;  ///< empty: in the process's own folder
    std::vector<std::string> flags;
  };

  /// Spawns and returns at once.
  explicit EmulatorProcess(const Options& options);
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;
  /// Kills it if it still runs.
  ~EmulatorProcess();

  /// Waits for the ready file and reads it; throws std::runtime_error with the log when the process ends before.
  void await_ready();
  /// Waits for the end; a signal's number is negative. Throws, and kills, when it does not come.
  int await_exit();
  /// SIGTERM, then its exit status.
  int stop();
  /// SIGKILL, then waits for the end.
  void kill();

  pid_t process_id() const { return process_id_; }
  std::uint16_t port(const std::string& protocol) const { return ports_.at(protocol); }
  const std::string& ca_file() const { return ca_file_; }
  /// By policy.
  const std::map<std::string, std::string>& connection_strings() const { return connection_strings_; }
  /// What it wrote to stderr so far.
  std::string log() const;
  /// What it sees as XDG_DATA_HOME.
  std::filesystem::path home() const { return folder_ / "home"; }

 private:
  bool exited_within(int milliseconds);

  TemporaryFolder folder_;
  pid_t process_id_ = -1;
  int process_descriptor_ = -1;  ///< readable once the process has ended
  int folder_watch_ = -1;        ///< readable once a file has appeared in folder_
  std::optional<int> exit_status_;
  std::map<std::string, std::uint16_t> ports_;
  std::string ca_file_;
  std::map<std::string, std::string> connection_strings_;
};

}  // namespace iothub::test
