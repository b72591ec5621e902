#pragma once
#include <filesystem>

namespace iothub::app {

/// A folder of this process's own, for its user only (0700), under $TMPDIR or /tmp; removed with everything in it.
class TemporaryFolder {
 public:
  /// Throws std::system_error.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace iothub::app
