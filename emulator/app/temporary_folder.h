#pragma once
#include <filesystem>

namespace iothub::app {

/// A folder of this process's own, for its user only (0700), under $TMPDIR or /tmp; removed with everything in it.
class TemporaryFolder {
 public:
  enum class Made {
    now,
    later  ///< by whoever writes into it first: until then it is a name that nobody guesses
  };

  /// Throws std::system_error.
  explicit TemporaryFolder(Made made = Made::now);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace iothub::app
