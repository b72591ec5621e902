#pragma once
/// Keeps a second process, or a second store of this one, off a database file.
#include <string>

namespace iothub::storage {

/// Holds `<database>.lock`. The kernel gives it back when the process dies; the file itself stays, and says the process
/// id.
class DatabaseLock {
 public:
  /// Throws Error at once when it is held, naming the holder, and when the folder is missing or cannot be written.
  explicit DatabaseLock(const std::string& database_path);
  ~DatabaseLock();
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace iothub::storage
