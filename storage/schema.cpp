#include "storage/schema.h"

#include <sqlite3.h>

#include <array>
#include <string>

#include "storage/store.h"

namespace iothub::storage {
namespace {

// A device, or a module of one. `id` grows with creation, so it orders "newest first". It needs no AUTOINCREMENT:
// SQLite gives one more than the largest id alive, and an id used again has no rows of its former owner left (ON DELETE
// CASCADE).
constexpr const char* kIdentityTable = R"sql(
CREATE TABLE identity (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,  -- empty: the device itself
  generation_id TEXT NOT NULL,
  etag INTEGER NOT NULL,
  created_time INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  status_reason TEXT,
  status_updated_time INTEGER NOT NULL,
  connection_state_updated_time INTEGER NOT NULL,
  last_activity_time INTEGER NOT NULL,
  authentication_type TEXT NOT NULL,
  primary_key TEXT,
  secondary_key TEXT,
  primary_thumbprint TEXT,
  secondary_thumbprint TEXT,
  managed_by TEXT,
  iot_edge INTEGER NOT NULL,
  device_scope TEXT,
  parent_scopes TEXT NOT NULL,
  attributes TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX identity_key ON identity (device_id, module_id);
-- Lists and counts of devices, and scans of modules, must not walk the other kind.
CREATE INDEX identity_devices ON identity (module_id, id, enabled) WHERE module_id = '';
CREATE INDEX identity_modules ON identity (device_id, module_id) WHERE module_id <> '';
)sql";

constexpr const char* kTwinTable = R"sql(
CREATE TABLE twin (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  etag INTEGER NOT NULL,
  version INTEGER NOT NULL,
  tags TEXT NOT NULL,
  desired TEXT NOT NULL,
  desired_metadata TEXT NOT NULL,
  desired_version INTEGER NOT NULL,
  reported TEXT NOT NULL,
  reported_metadata TEXT NOT NULL,
  reported_version INTEGER NOT NULL,
  model_id TEXT NOT NULL,
  configurations TEXT NOT NULL
) STRICT;
)sql";

constexpr const char* kSessionTable = R"sql(
CREATE TABLE session (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  state TEXT NOT NULL
) STRICT;
)sql";

// Small collections that the hub reads whole: configurations, jobs.
constexpr const char* kDocumentTable = R"sql(
CREATE TABLE document (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
)sql";

// One row a partition: their number, and where numbering goes on when the newest events themselves are gone.
constexpr const char* kPartitionTable = R"sql(
CREATE TABLE partition (
  number INTEGER PRIMARY KEY,
  next_sequence_number INTEGER NOT NULL DEFAULT 0,
  next_offset INTEGER NOT NULL DEFAULT 0
) STRICT;
)sql";

std::string event_table(int partition) {
  const std::string number = std::to_string(partition);
  return "CREATE TABLE event_" + number + R"sql( (
  sequence_number INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
INSERT INTO partition (number) VALUES ()sql" +
         number + ");";
}

void create_version_1(Connection& connection, int partitions) {
  connection.execute(kIdentityTable);
  connection.execute(kTwinTable);
  connection.execute(kSessionTable);
  connection.execute(kDocumentTable);
  connection.execute(kPartitionTable);
  for (int partition = 0; partition < partitions; ++partition) connection.execute(event_table(partition));
}

// Messages to devices; the queue's row numbers them on when none is left. Small bodies (64 KB), at most 50 a queue.
constexpr const char* kC2dTables = R"sql(
CREATE TABLE c2d_queue (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  last_sequence_number INTEGER NOT NULL
) STRICT;
CREATE TABLE c2d_message (
  identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
  sequence_number INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  expiry_time INTEGER NOT NULL,
  expiry_given INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  ack INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  to_address TEXT NOT NULL,
  content_type TEXT NOT NULL,
  content_encoding TEXT NOT NULL,
  properties TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX c2d_message_key ON c2d_message (identity_id, sequence_number);
CREATE INDEX c2d_message_expiry ON c2d_message (expiry_time);
)sql";

// A record waits in batch 0. Batches are never numbered twice (AUTOINCREMENT): their locks live elsewhere.
constexpr const char* kFeedbackTables = R"sql(
CREATE TABLE feedback_record (
  id INTEGER PRIMARY KEY,
  identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
  batch INTEGER NOT NULL,
  recorded_time INTEGER NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE INDEX feedback_record_batch ON feedback_record (batch, id);
CREATE INDEX feedback_record_identity ON feedback_record (identity_id);
CREATE TABLE feedback_batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  enqueued_time INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL
) STRICT;
)sql";

void add_c2d_and_feedback(Connection& connection, int) {
  connection.execute(kC2dTables);
  connection.execute(kFeedbackTables);
}

// Events that wait for the endpoint of a route. AUTOINCREMENT: what was delivered is removed by its number, which no
// later event may get again.
constexpr const char* kOutboxTable = R"sql(
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint TEXT NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_endpoint ON outbox (endpoint, id);
)sql";

void add_outbox(Connection& connection, int) {
  connection.execute(kOutboxTable);
}

// Step n takes a database from version n to n + 1. A released step is never edited: a new one is added.
using Step = void (*)(Connection&, int partitions);
constexpr std::array<Step, kSchemaVersion> kSteps = {create_version_1, add_c2d_and_feedback, add_outbox};

std::string file_name(Connection& connection) {
  return sqlite3_db_filename(connection.handle(), "main");
}

}  // namespace

std::int64_t schema_version(Connection& connection) {
  const std::int64_t application = connection.integer("PRAGMA application_id");
  const std::int64_t version = connection.integer("PRAGMA user_version");
  const bool empty = connection.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (application == 0 && version == 0 && empty) return 0;
  if (application != kApplicationId) {
    throw Error(file_name(connection) + " is a database of another program (application id " +
                std::to_string(application) + "); choose another data folder");
  }
  if (version > kSchemaVersion) {
    throw Error(file_name(connection) + " has schema version " + std::to_string(version) +
                ", this emulator knows versions up to " + std::to_string(kSchemaVersion) +
                "; use a newer emulator or another data folder");
  }
  return version;
}

void migrate(Connection& connection, std::int64_t version, int partitions) {
  if (version == kSchemaVersion) return;
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (std::int64_t from = version; from < kSchemaVersion; ++from) {
      kSteps.at(static_cast<std::size_t>(from))(connection, partitions);
    }
    connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    connection.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
    connection.execute("COMMIT");
  } catch (...) {
    if (sqlite3_get_autocommit(connection.handle()) == 0) {
      sqlite3_exec(connection.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    throw;
  }
}

void check_partitions(Connection& connection, int partitions) {
  const std::int64_t stored = connection.integer("SELECT count(*) FROM partition");
  if (stored == partitions) return;
  throw Error(file_name(connection) + " was made with " + std::to_string(stored) +
              " partitions and cannot be opened with " + std::to_string(partitions) +
              ": events would change their partition");
}

}  // namespace iothub::storage
