#include "storage/checkpointer.h"

namespace iothub::storage {

CheckpointResult Checkpointer::run() {
  if (!connection_) {
    auto connection = std::make_unique<Connection>(path_);
    // NORMAL as the store: the WAL reaches the disk before the database file changes. Reading once enters WAL mode.
    connection->execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64; PRAGMA mmap_size = 0");
    connection->integer("SELECT count(*) FROM sqlite_schema");
    connection_ = std::move(connection);
  }
  return checkpoint_passively(*connection_);
}

}  // namespace iothub::storage
