#pragma once
/// One SQLite connection, used by one thread at a time.
#include <cstdint>
#include <memory>
#include <string>

struct sqlite3;

namespace iothub::storage {

/// Throws Error with the file's name and the words and number of what failed last on this connection.
[[noreturn]] void throw_last_error(sqlite3* database);

class Connection {
 public:
  /// Opens a file, made when missing, or ":memory:". Throws Error.
  explicit Connection(const std::string& path);

  /// Runs statements that answer nothing of interest, separated by semicolons. Throws Error.
  void execute(const std::string& sql);
  /// The first column of the first row: of a PRAGMA, say. Throws Error.
  std::int64_t integer(const char* sql);
  std::string text(const char* sql);

  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Makes `to` a copy of `from`, page by page. Throws Error; `to` is as before then.
void copy_database(Connection& from, Connection& to);

/// What a checkpoint left: pages in the WAL, and how many of them the database file holds by now.
struct CheckpointResult {
  int wal_pages = 0;
  int checkpointed_pages = 0;
  bool busy = false;  ///< another connection was checkpointing: nothing was done
};

/// Copies what it can from the WAL into the database file and waits for nobody. Throws Error.
CheckpointResult checkpoint_passively(Connection& connection);

}  // namespace iothub::storage
