#pragma once
/// The tables, their version, and the way from an older version to this one.
#include <cstdint>

#include "storage/connection.h"

namespace iothub::storage {

/// In the file's header (`PRAGMA application_id`), so that no other program's database is taken for ours: "IoTH".
constexpr std::int64_t kApplicationId = 0x496F5448;
/// `PRAGMA user_version` of what this program writes.
constexpr std::int64_t kSchemaVersion = 3;

/// The version of an open database; 0 when it is new and empty. Reads only. Throws Error naming both versions when it
/// is newer than ours, and when it is another program's.
std::int64_t schema_version(Connection& connection);

/// Takes a database from `version` to kSchemaVersion in one transaction; `partitions` counts when it is new. Throws
/// Error.
void migrate(Connection& connection, std::int64_t version, int partitions);

/// Throws Error naming both counts when the database was made with another number of partitions.
void check_partitions(Connection& connection, int partitions);

}  // namespace iothub::storage
