#pragma once
/// Moves a store's WAL into its database file on another thread, so that no loop turn waits for the disk.
#include <string>

#include "storage/connection.h"

namespace iothub::storage {

/// A connection of its own to the file of an open SqliteStore. Any thread may run it, one at a time; destroy it before
/// the store, whose closing then empties the WAL.
class Checkpointer {
 public:
  /// Opens at the first run(), on the thread that runs it.
  explicit Checkpointer(std::string path) : path_(std::move(path)) {}

  /// Never holds up the store's writes. What is appended meanwhile stays for the next run, so under steady load
  /// `checkpointed_pages` trails `wal_pages`; a gap that only grows means a reader (an export, a shell) holds the WAL.
  /// Throws Error: for the log, since no committed row is in danger.
  CheckpointResult run();

 private:
  std::string path_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace iothub::storage
