#pragma once
/// `running.json` in the data folder: how `env`, `health` and `connection-string` find the hub that runs.
#include <filesystem>
#include <memory>
#include <optional>

#include "emulator/app/running_hub.h"

namespace iothub::app {

/// The file as long as its hub runs. The process holds a lock on it, which the kernel takes back however the process
/// ends: a file without a holder is stale, and no process id has to be trusted.
class RunFile {
 public:
  /// Writes `running.json` into the folder, whole, for its owner only; over a stale one too. Null when another hub that
  /// runs has its file there: that one stays. Throws std::system_error naming the file.
  static std::unique_ptr<RunFile> publish(const std::filesystem::path& folder, const RunningHub& hub);

  /// Says something new of the hub, whole; the lock goes over to the new file. Throws std::system_error.
  void replace(const RunningHub& hub);

  /// Removes the file if it still is the one that was published.
  ~RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

 private:
  RunFile(std::filesystem::path path, int descriptor);

  std::filesystem::path path_;
  int descriptor_;
};

/// Where the file of a data folder is.
std::filesystem::path run_file_path(const std::filesystem::path& folder);

/// The hub whose file is in the folder; nothing when there is none or it is stale. Throws std::system_error for a file
/// that cannot be read and std::runtime_error for a damaged one, naming it.
std::optional<RunningHub> find_running_hub(const std::filesystem::path& folder);

}  // namespace iothub::app
