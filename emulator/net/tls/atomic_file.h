#pragma once
/// Files that another process may read or write at the same moment.
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace iothub::net::tls {

/// Writes `content` beside `path`, brings it to disk and renames it over `path`: a reader sees the old file or the
/// whole new one, also after a crash. `mode` is set whatever the umask says. Throws std::system_error naming the file.
void write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode);

/// The whole file. Throws std::system_error naming it.
std::string read_file(const std::filesystem::path& path);

/// Holds the lock file `path` (made with mode 0600 if missing) exclusively until destroyed; waits for another holder,
/// in this process or any other. The file stays. Throws std::system_error naming it.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace iothub::net::tls
