#include "storage/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>

#include "storage/c2d_table.h"
#include "storage/connection.h"
#include "storage/database_lock.h"
#include "storage/document_table.h"
#include "storage/feedback_table.h"
#include "storage/outbox_table.h"
#include "storage/schema.h"
#include "storage/statement.h"
#include "storage/tag_table.h"

namespace iothub::storage {
namespace {

// ---- identity -------------------------------------------------------------------------------------------------------

const std::string kIdentityColumns =
    "generation_id, etag, created_time, enabled, status_reason, status_updated_time, connection_state_updated_time, "
    "last_activity_time, authentication_type, primary_key, secondary_key, primary_thumbprint, secondary_thumbprint, "
    "managed_by, iot_edge, device_scope, parent_scopes, attributes";
const std::string kIdentityValues = "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20";
const std::string kSelectIdentity = "SELECT device_id, module_id, " + kIdentityColumns + " FROM identity ";
const std::string kByKey = " WHERE device_id = ?1 AND module_id = ?2";

const std::string kInsertIdentity = "INSERT INTO identity (device_id, module_id, " + kIdentityColumns +
                                    ") VALUES (?1, ?2, " + kIdentityValues + ") ON CONFLICT DO NOTHING";
const std::string kUpdateIdentity =
    "UPDATE identity SET (" + kIdentityColumns + ") = (" + kIdentityValues + ")" + kByKey;
const std::string kUpdateActivity =
    "UPDATE identity SET (connection_state_updated_time, last_activity_time) = (?3, ?4)" + kByKey;
const std::string kRemoveDeviceAndModules = "DELETE FROM identity WHERE device_id = ?1";
const std::string kRemoveModule = "DELETE FROM identity" + kByKey;

// The planner keeps no statistics here, so the index that each list lives on is named.
const std::string kDevicesNewestFirst =
    kSelectIdentity + "INDEXED BY identity_devices WHERE module_id = '' ORDER BY id DESC LIMIT max(?1, 0)";
const std::string kModulesOldestFirst =
    kSelectIdentity + "WHERE device_id = ?1 AND module_id <> '' ORDER BY created_time, id";
const std::string kModuleCount = "SELECT count(*) FROM identity WHERE device_id = ?1 AND module_id <> ''";
const std::string kDeviceCounts =
    "SELECT count(*), sum(enabled) FROM identity INDEXED BY identity_devices WHERE module_id = ''";
const std::string kDevicesAfter = kSelectIdentity +
                                  "INDEXED BY identity_key WHERE (device_id, module_id) > (?1, ?2) AND module_id = '' "
                                  "ORDER BY device_id, module_id LIMIT max(?3, 0)";
const std::string kModulesAfter = kSelectIdentity +
                                  "INDEXED BY identity_modules WHERE (device_id, module_id) > (?1, ?2) "
                                  "AND module_id <> '' ORDER BY device_id, module_id LIMIT max(?3, 0)";
const std::string kModulesNamedAfter =
    "SELECT device_id, module_id FROM identity INDEXED BY identity_module_names WHERE module_id = ?1 "
    "AND module_id <> '' AND device_id > ?2 ORDER BY device_id LIMIT max(?3, 0)";

Run bind_identity(Statement& statement, const IdentityRow& row) {
  return statement.run(row.device_id, row.module_id, row.generation_id, row.etag, row.created_time, row.enabled,
                       row.status_reason, row.status_updated_time, row.connection_state_updated_time,
                       row.last_activity_time, row.authentication_type, row.primary_key, row.secondary_key,
                       row.primary_thumbprint, row.secondary_thumbprint, row.managed_by, row.iot_edge, row.device_scope,
                       row.parent_scopes, row.attributes);
}

IdentityRow identity_of(const Run& run) {
  return {.device_id = run.text(0),
          .module_id = run.text(1),
          .generation_id = run.text(2),
          .etag = run.integer(3),
          .created_time = run.integer(4),
          .enabled = run.boolean(5),
          .status_reason = run.optional_text(6),
          .status_updated_time = run.integer(7),
          .connection_state_updated_time = run.integer(8),
          .last_activity_time = run.integer(9),
          .authentication_type = run.text(10),
          .primary_key = run.optional_text(11),
          .secondary_key = run.optional_text(12),
          .primary_thumbprint = run.optional_text(13),
          .secondary_thumbprint = run.optional_text(14),
          .managed_by = run.optional_text(15),
          .iot_edge = run.boolean(16),
          .device_scope = run.optional_text(17),
          .parent_scopes = run.text(18),
          .attributes = run.text(19)};
}

std::vector<IdentityRow> identities_of(Run run) {
  std::vector<IdentityRow> rows;
  while (run.next()) rows.push_back(identity_of(run));
  return rows;
}

// ---- twin and session: they hang on the identity's id ---------------------------------------------------------------

const std::string kIdentityId = "(SELECT id FROM identity" + kByKey + ")";

const std::string kTwinColumns =
    "etag, version, tags, desired, desired_metadata, desired_version, reported, reported_metadata, reported_version, "
    "model_id, configurations";
const std::string kTwinValues = "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13";
const std::string kInsertTwin =
    "INSERT INTO twin (identity_id, " + kTwinColumns + ") VALUES (" + kIdentityId + ", " + kTwinValues + ")";
const std::string kUpdateTwin =
    "UPDATE twin SET (" + kTwinColumns + ") = (" + kTwinValues + ") WHERE identity_id = " + kIdentityId;
const std::string kSelectTwin = "SELECT ?1, ?2, " + kTwinColumns + " FROM twin WHERE identity_id = " + kIdentityId;

Run bind_twin(Statement& statement, std::string_view device_id, std::string_view module_id, const TwinRow& row) {
  return statement.run(device_id, module_id, row.etag, row.version, row.tags, row.desired, row.desired_metadata,
                       row.desired_version, row.reported, row.reported_metadata, row.reported_version, row.model_id,
                       row.configurations);
}

TwinRow twin_of(const Run& run) {
  return {.device_id = run.text(0),
          .module_id = run.text(1),
          .etag = run.integer(2),
          .version = run.integer(3),
          .tags = run.text(4),
          .desired = run.text(5),
          .desired_metadata = run.text(6),
          .desired_version = run.integer(7),
          .reported = run.text(8),
          .reported_metadata = run.text(9),
          .reported_version = run.integer(10),
          .model_id = run.text(11),
          .configurations = run.text(12)};
}

const std::string kSelectSession = "SELECT state FROM session WHERE identity_id = " + kIdentityId;
const std::string kPutSession = "INSERT INTO session (identity_id, state) SELECT id, ?3 FROM identity" + kByKey +
                                " ON CONFLICT (identity_id) DO UPDATE SET state = excluded.state";
const std::string kRemoveSession = "DELETE FROM session WHERE identity_id = " + kIdentityId;

// ---- event, one table a partition -----------------------------------------------------------------------------------

const std::string kEventColumns =
    "sequence_number, offset, enqueued_time, device_id, module_id, source, annotations, system_properties, properties, "
    "auth_method, auth_generation_id, body";

std::string event_table(int partition) {
  return " event_" + std::to_string(partition) + " ";
}

std::string insert_event(int partition) {
  return "INSERT INTO" + event_table(partition) + "(" + kEventColumns +
         ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
}
std::string select_events(int partition) {
  return "SELECT " + kEventColumns + " FROM" + event_table(partition) +
         "WHERE sequence_number >= ?1 ORDER BY sequence_number LIMIT max(?2, 0)";
}
std::string select_newest_event(int partition) {
  return "SELECT " + kEventColumns + " FROM" + event_table(partition) + "ORDER BY sequence_number DESC LIMIT 1";
}
std::string remove_events(int partition) {
  return "DELETE FROM" + event_table(partition) + "WHERE sequence_number < ?1";
}
std::string select_oldest(int partition) {
  return "SELECT enqueued_time, offset FROM" + event_table(partition) + "ORDER BY sequence_number LIMIT 1";
}
std::string remove_expired_events(int partition) {
  return "DELETE FROM" + event_table(partition) + "WHERE enqueued_time < ?1 AND sequence_number IN (SELECT " +
         "sequence_number FROM" + event_table(partition) + "ORDER BY sequence_number LIMIT ?2)";
}

std::string remove_events_of_device(int partition) {
  return "DELETE FROM" + event_table(partition) + "WHERE device_id = ?1";
}

// What hangs on identities goes first: then nothing is left to cascade to.
const std::string kContentTables =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'partition' "
    "ORDER BY name = 'identity'";
const std::string kRestartPositions = "UPDATE partition SET next_sequence_number = 0, next_offset = 0";

std::string remove_events_below(int partition) {
  return "DELETE FROM" + event_table(partition) + "WHERE offset < ?1 AND sequence_number IN (SELECT sequence_number " +
         "FROM" + event_table(partition) + "ORDER BY sequence_number LIMIT ?2)";
}

const std::string kSelectPosition = "SELECT next_sequence_number, next_offset FROM partition WHERE number = ?1";
const std::string kUpdatePosition =
    "UPDATE partition SET (next_sequence_number, next_offset) = (?2, ?3) WHERE number = ?1";

EventRow event_of(const Run& run) {
  return {.sequence_number = run.integer(0),
          .offset = run.integer(1),
          .enqueued_time = run.integer(2),
          .device_id = run.text(3),
          .module_id = run.text(4),
          .source = run.text(5),
          .annotations = run.text(6),
          .system_properties = run.text(7),
          .properties = run.text(8),
          .auth_method = run.text(9),
          .auth_generation_id = run.text(10),
          .body = run.text(11)};
}

// How far an event moves its partition's offset. Never zero, and a function of the stored row alone, so that opening
// finds the next offset from the newest event.
std::int64_t stored_size(const EventRow& event) {
  constexpr std::size_t kFixedPart = 64;
  return static_cast<std::int64_t>(kFixedPart + event.device_id.size() + event.module_id.size() + event.source.size() +
                                   event.annotations.size() + event.system_properties.size() + event.properties.size() +
                                   event.auth_method.size() + event.auth_generation_id.size() + event.body.size());
}

// ---- opening --------------------------------------------------------------------------------------------------------

// SQLite would make the file for everyone to read. It is opened and closed here only while it is new: closing a file
// that a connection of this process has open would drop that connection's locks.
Connection open_private(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
  } else if (const int reason = errno; reason != EEXIST) {
    throw Error(path + ": cannot make the database: " + std::generic_category().message(reason));
  }
  return Connection(path);
}

void configure(Connection& connection) {
  // Not by PRAGMA, of which each is parsed: a process may have a hundred hubs.
  sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  connection.execute("PRAGMA temp_store = MEMORY");
}

// The busy time-out only meets a stranger (a SQLite shell that writes): the lock keeps other emulators away. A loop
// turn waits for it, hence short.
constexpr int kBusyMilliseconds = 100;

constexpr const char* kCacheSettings = R"sql(
PRAGMA cache_size = -2048;
PRAGMA mmap_size = 0;
)sql";

// journal_size_limit: a WAL that a long reader let grow gives its disk space back when it starts again.
constexpr const char* kFileSettings = R"sql(
PRAGMA page_size = 4096;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 67108864;
)sql";

void check_partition_count(int partitions) {
  if (partitions < 1) throw std::invalid_argument("a hub has at least one partition");
}

/// Copying the pages of an empty database takes a tenth of the time of making its tables.
void copy_empty_database(Connection& to, int partitions) {
  static std::mutex mutex;
  static std::map<int, Connection> by_partitions;
  const std::scoped_lock lock(mutex);
  auto found = by_partitions.find(partitions);
  if (found == by_partitions.end()) {
    Connection made(":memory:");
    migrate(made, 0, partitions);
    found = by_partitions.emplace(partitions, std::move(made)).first;
  }
  copy_database(found->second, to);
}

}  // namespace

struct SqliteStore::Database {
  explicit Database(const std::filesystem::path& file, const Options& options)
      : lock(std::make_unique<DatabaseLock>(file.string())), connection(open_private(file.string())) {
    configure(connection);
    sqlite3_busy_timeout(connection.handle(), kBusyMilliseconds);
    connection.execute(kCacheSettings);
    const std::int64_t version = schema_version(connection);  // before anything is written: it may be a stranger's
    connection.execute(kFileSettings);
    if (const std::string mode = connection.text("PRAGMA journal_mode = WAL"); mode != "wal") {
      throw Error(file.string() + ": the file system does not carry SQLite's WAL (journal mode " + mode + ")");
    }
    check_partition_count(options.partitions);
    migrate(connection, version, options.partitions);
    check_partitions(connection, options.partitions);
    prepare(options);
  }

  explicit Database(const Options& options) : connection(":memory:") {
    configure(connection);
    check_partition_count(options.partitions);
    is_made = false;
    prepare(options);
  }

  /// A store in memory is made with its first write, since many hubs of a test process never see one.
  void make(int partitions) {
    if (is_made) return;
    copy_empty_database(connection, partitions);
    is_made = true;
  }

  void prepare(const Options& options) {
    if (options.max_pages > 0) connection.execute("PRAGMA max_page_count = " + std::to_string(options.max_pages));
    statements = std::make_unique<Statements>(connection.handle(), options.partitions);
  }

  struct Statements {
    Statements(sqlite3* database, int partitions)
        : begin(database, "BEGIN IMMEDIATE"),
          commit(database, "COMMIT"),
          roll_back(database, "ROLLBACK"),
          set_savepoint(database, "SAVEPOINT part"),
          keep_savepoint(database, "RELEASE part"),
          undo_to_savepoint(database, "ROLLBACK TO part"),
          select_identity(database, kSelectIdentity + kByKey),
          insert_identity(database, kInsertIdentity),
          update_identity(database, kUpdateIdentity),
          update_activity(database, kUpdateActivity),
          remove_device_and_modules(database, kRemoveDeviceAndModules),
          remove_module(database, kRemoveModule),
          devices_newest_first(database, kDevicesNewestFirst),
          modules_oldest_first(database, kModulesOldestFirst),
          module_count(database, kModuleCount),
          device_counts(database, kDeviceCounts),
          devices_after(database, kDevicesAfter),
          modules_after(database, kModulesAfter),
          modules_named_after(database, kModulesNamedAfter),
          insert_twin(database, kInsertTwin),
          update_twin(database, kUpdateTwin),
          select_twin(database, kSelectTwin),
          select_session(database, kSelectSession),
          put_session(database, kPutSession),
          remove_session(database, kRemoveSession),
          update_position(database, kUpdatePosition),
          c2d(database),
          documents(database),
          feedback(database),
          outbox(database),
          tags(database) {
      for (int partition = 0; partition < partitions; ++partition) {
        insert_event.emplace_back(database, storage::insert_event(partition));
        select_events.emplace_back(database, storage::select_events(partition));
        select_oldest.emplace_back(database, storage::select_oldest(partition));
        remove_expired_events.emplace_back(database, storage::remove_expired_events(partition));
        remove_events_below.emplace_back(database, storage::remove_events_below(partition));
      }
    }

    Statement begin, commit, roll_back;
    Statement set_savepoint, keep_savepoint, undo_to_savepoint;
    Statement select_identity, insert_identity, update_identity, update_activity, remove_device_and_modules,
        remove_module;
    Statement devices_newest_first, modules_oldest_first, module_count, device_counts, devices_after, modules_after,
        modules_named_after;
    Statement insert_twin, update_twin, select_twin;
    Statement select_session, put_session, remove_session;
    Statement update_position;
    C2dTable c2d;
    DocumentTable documents;
    FeedbackTable feedback;
    OutboxTable outbox;
    TagTable tags;
    // By partition:
    std::vector<Statement> insert_event, select_events, select_oldest, remove_expired_events, remove_events_below;
  };

  // In this order: the statements go first, the lock last.
  std::unique_ptr<DatabaseLock> lock;
  Connection connection;
  std::unique_ptr<Statements> statements;
  bool is_made = true;  ///< it has its tables
};

std::unique_ptr<SqliteStore> SqliteStore::open(const std::filesystem::path& path, const Options& options) {
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::make_unique<Database>(path, options), options));
}

std::unique_ptr<SqliteStore> SqliteStore::in_memory(const Options& options) {
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::make_unique<Database>(options), options));
}

SqliteStore::SqliteStore(std::unique_ptr<Database> database, const Options& options)
    : options_(options),
      database_(std::move(database)),
      checkpoint_due_at_(options.checkpoint_pages),
      bound_wal_at_(options.max_wal_pages) {
  if (database_->is_made) {
    load_positions();
  } else {
    positions_.resize(static_cast<std::size_t>(options.partitions));
  }
  sqlite3_wal_hook(database_->connection.handle(), note_wal_size, this);
}

// Closing the last connection makes SQLite checkpoint and delete the WAL.
SqliteStore::~SqliteStore() {
  roll_back();
}

void SqliteStore::load_positions() {
  sqlite3* connection = database_->connection.handle();
  Statement select_position(connection, kSelectPosition);
  for (int partition = 0; partition < options_.partitions; ++partition) {
    Position next;
    if (Run run = select_position.run(partition); run.next()) {
      next.next_sequence_number = run.integer(0);
      next.next_offset = run.integer(1);
    }
    Statement select_newest(connection, select_newest_event(partition));
    if (Run run = select_newest.run(); run.next()) {
      const EventRow newest = event_of(run);
      // Without an event the row of `partition` stands; with one, the newest is at least as far.
      next.next_sequence_number = newest.sequence_number + 1;
      next.next_offset = newest.offset + stored_size(newest);
    }
    next.committed_sequence_number = next.next_sequence_number;
    next.committed_offset = next.next_offset;
    positions_.push_back(next);
  }
}

// ---- the open transaction -------------------------------------------------------------------------------------------

template <typename Question>
auto SqliteStore::read(Question question) {
  if (!database_->is_made) return decltype(question(*database_->statements))();  // nothing is in it
  try {
    return question(*database_->statements);
  } catch (...) {
    roll_back();  // SQLite may have dropped half of it already: nothing of it may be committed
    throw;
  }
}

template <typename Change>
auto SqliteStore::write(Change change) {
  database_->make(options_.partitions);
  return read([&](Database::Statements& statements) {
    if (!has_uncommitted()) statements.begin.run().finish();
    return change(statements);
  });
}

bool SqliteStore::has_uncommitted() const {
  return sqlite3_get_autocommit(database_->connection.handle()) == 0;
}

void SqliteStore::commit() {
  if (!has_uncommitted()) return;
  read([](Database::Statements& statements) { return statements.commit.run().finish(); });
  for (Position& partition : positions_) {
    partition.committed_sequence_number = partition.next_sequence_number;
    partition.committed_offset = partition.next_offset;
  }
  bound_wal();
}

void SqliteStore::roll_back() noexcept {
  if (has_uncommitted()) {
    try {
      database_->statements->roll_back.run().finish();
    } catch (const Error&) {
      // SQLite reports the I/O error that caused this roll-back again; the transaction is over all the same.
    }
  }
  for (Position& partition : positions_) {
    partition.next_sequence_number = partition.committed_sequence_number;
    partition.next_offset = partition.committed_offset;
  }
}

void SqliteStore::set_savepoint() {
  write([](Database::Statements& statements) { return statements.set_savepoint.run().finish(); });
}

void SqliteStore::keep_savepoint() {
  write([](Database::Statements& statements) { return statements.keep_savepoint.run().finish(); });
}

void SqliteStore::undo_to_savepoint() {
  write([](Database::Statements& statements) {
    statements.undo_to_savepoint.run().finish();
    return statements.keep_savepoint.run().finish();
  });
}

// ---- identities -----------------------------------------------------------------------------------------------------

std::optional<IdentityRow> SqliteStore::identity(std::string_view device_id, std::string_view module_id) {
  return read([&](Database::Statements& statements) -> std::optional<IdentityRow> {
    Run run = statements.select_identity.run(device_id, module_id);
    if (!run.next()) return std::nullopt;
    return identity_of(run);
  });
}

bool SqliteStore::insert_identity(const IdentityRow& identity, const TwinRow& twin) {
  return write([&](Database::Statements& statements) {
    if (bind_identity(statements.insert_identity, identity).finish() == 0) return false;
    bind_twin(statements.insert_twin, identity.device_id, identity.module_id, twin).finish();
    return true;
  });
}

bool SqliteStore::update_identity(const IdentityRow& identity) {
  return write([&](Database::Statements& statements) {
    return bind_identity(statements.update_identity, identity).finish() > 0;
  });
}

bool SqliteStore::remove_identity(std::string_view device_id, std::string_view module_id) {
  return write([&](Database::Statements& statements) {
    if (module_id.empty()) return statements.remove_device_and_modules.run(device_id).finish() > 0;
    return statements.remove_module.run(device_id, module_id).finish() > 0;
  });
}

std::vector<IdentityRow> SqliteStore::devices(std::int64_t limit) {
  return read(
      [&](Database::Statements& statements) { return identities_of(statements.devices_newest_first.run(limit)); });
}

std::vector<IdentityRow> SqliteStore::modules(std::string_view device_id) {
  return read(
      [&](Database::Statements& statements) { return identities_of(statements.modules_oldest_first.run(device_id)); });
}

std::int64_t SqliteStore::module_count(std::string_view device_id) {
  return read([&](Database::Statements& statements) {
    Run run = statements.module_count.run(device_id);
    return run.next() ? run.integer(0) : 0;
  });
}

DeviceCounts SqliteStore::device_counts() {
  return read([&](Database::Statements& statements) {
    Run run = statements.device_counts.run();
    return run.next() ? DeviceCounts{.total = run.integer(0), .enabled = run.integer(1)} : DeviceCounts{};
  });
}

std::vector<IdentityRow> SqliteStore::identities_after(Kind kind, std::string_view device_id,
                                                       std::string_view module_id, std::int64_t limit) {
  return read([&](Database::Statements& statements) {
    Statement& statement = kind == Kind::devices ? statements.devices_after : statements.modules_after;
    return identities_of(statement.run(device_id, module_id, limit));
  });
}

std::vector<IdentityKey> SqliteStore::tagged_after(Kind kind, const TagValue& tag, std::string_view device_id,
                                                   std::string_view module_id, std::int64_t limit) {
  return read([&](Database::Statements& statements) {
    return statements.tags.tagged_after(kind == Kind::modules, tag, device_id, module_id, limit);
  });
}

std::vector<IdentityKey> SqliteStore::modules_named_after(std::string_view module_id, std::string_view device_id,
                                                          std::int64_t limit) {
  return read([&](Database::Statements& statements) {
    std::vector<IdentityKey> keys;
    Run run = statements.modules_named_after.run(module_id, device_id, limit);
    while (run.next()) keys.push_back({run.text(0), run.text(1)});
    return keys;
  });
}

void SqliteStore::update_activity(std::string_view device_id, std::string_view module_id,
                                  std::int64_t connection_state_updated_time, std::int64_t last_activity_time) {
  write([&](Database::Statements& statements) {
    return statements.update_activity.run(device_id, module_id, connection_state_updated_time, last_activity_time)
        .finish();
  });
}

// ---- twins and sessions ---------------------------------------------------------------------------------------------

std::optional<TwinRow> SqliteStore::twin(std::string_view device_id, std::string_view module_id) {
  return read([&](Database::Statements& statements) -> std::optional<TwinRow> {
    Run run = statements.select_twin.run(device_id, module_id);
    if (!run.next()) return std::nullopt;
    return twin_of(run);
  });
}

bool SqliteStore::update_twin(const TwinRow& twin) {
  return write([&](Database::Statements& statements) {
    return bind_twin(statements.update_twin, twin.device_id, twin.module_id, twin).finish() > 0;
  });
}

std::optional<std::string> SqliteStore::session(std::string_view device_id, std::string_view module_id) {
  return read([&](Database::Statements& statements) -> std::optional<std::string> {
    Run run = statements.select_session.run(device_id, module_id);
    if (!run.next()) return std::nullopt;
    return run.text(0);
  });
}

void SqliteStore::put_session(std::string_view device_id, std::string_view module_id, std::string_view state) {
  write([&](Database::Statements& statements) {
    return statements.put_session.run(device_id, module_id, state).finish();
  });
}

void SqliteStore::remove_session(std::string_view device_id, std::string_view module_id) {
  write([&](Database::Statements& statements) { return statements.remove_session.run(device_id, module_id).finish(); });
}

// ---- cloud-to-device messages and feedback --------------------------------------------------------------------------

std::int64_t SqliteStore::append_c2d_message(const C2dRow& message) {
  return write([&](Database::Statements& statements) { return statements.c2d.append(message); });
}

std::vector<std::int64_t> SqliteStore::c2d_sequence_numbers(std::string_view device_id, std::string_view module_id) {
  return read([&](Database::Statements& statements) { return statements.c2d.sequence_numbers(device_id, module_id); });
}

std::optional<C2dRow> SqliteStore::c2d_message(std::string_view device_id, std::string_view module_id,
                                               std::int64_t sequence_number) {
  return read(
      [&](Database::Statements& statements) { return statements.c2d.message(device_id, module_id, sequence_number); });
}

std::int64_t SqliteStore::c2d_message_count(std::string_view device_id, std::string_view module_id) {
  return read([&](Database::Statements& statements) { return statements.c2d.count(device_id, module_id); });
}

void SqliteStore::set_c2d_delivery_count(std::string_view device_id, std::string_view module_id,
                                         std::int64_t sequence_number, std::int64_t delivery_count) {
  write([&](Database::Statements& statements) {
    statements.c2d.set_delivery_count(device_id, module_id, sequence_number, delivery_count);
  });
}

bool SqliteStore::remove_c2d_message(std::string_view device_id, std::string_view module_id,
                                     std::int64_t sequence_number) {
  return write(
      [&](Database::Statements& statements) { return statements.c2d.remove(device_id, module_id, sequence_number); });
}

std::vector<C2dRow> SqliteStore::expired_c2d_messages(std::int64_t time) {
  return read([&](Database::Statements& statements) { return statements.c2d.expired(time); });
}

std::optional<std::int64_t> SqliteStore::next_c2d_expiry(std::int64_t after) {
  return read([&](Database::Statements& statements) { return statements.c2d.next_expiry(after); });
}

void SqliteStore::append_feedback(std::string_view device_id, std::string_view module_id, std::int64_t time,
                                  std::string_view json) {
  write([&](Database::Statements& statements) { statements.feedback.append(device_id, module_id, time, json); });
}

FeedbackWaiting SqliteStore::waiting_feedback() {
  return read([&](Database::Statements& statements) { return statements.feedback.waiting(); });
}

void SqliteStore::form_feedback_batch(std::int64_t time, std::int64_t limit) {
  write([&](Database::Statements& statements) { statements.feedback.form_batch(time, limit); });
}

std::vector<FeedbackBatchRow> SqliteStore::feedback_batches() {
  return read([&](Database::Statements& statements) { return statements.feedback.batches(); });
}

std::vector<std::string> SqliteStore::feedback_records(std::int64_t batch) {
  return read([&](Database::Statements& statements) { return statements.feedback.records(batch); });
}

void SqliteStore::set_feedback_delivery_count(std::int64_t batch, std::int64_t delivery_count) {
  write([&](Database::Statements& statements) { statements.feedback.set_delivery_count(batch, delivery_count); });
}

void SqliteStore::remove_feedback_batch(std::int64_t batch) {
  write([&](Database::Statements& statements) { statements.feedback.remove_batch(batch); });
}

// ---- documents ------------------------------------------------------------------------------------------------------

std::optional<std::string> SqliteStore::document(std::string_view kind, std::string_view id) {
  return read([&](Database::Statements& statements) { return statements.documents.document(kind, id); });
}

std::vector<Store::Document> SqliteStore::documents(std::string_view kind) {
  return read([&](Database::Statements& statements) { return statements.documents.documents(kind); });
}

std::vector<Store::Document> SqliteStore::documents_after(std::string_view kind, std::string_view id,
                                                          std::int64_t limit) {
  return read([&](Database::Statements& statements) { return statements.documents.documents_after(kind, id, limit); });
}

std::vector<Store::Document> SqliteStore::device_jobs_after(std::string_view device_id, std::string_view id,
                                                            std::int64_t limit) {
  return read(
      [&](Database::Statements& statements) { return statements.documents.device_jobs_after(device_id, id, limit); });
}

std::vector<Store::Document> SqliteStore::jobs_made_before(std::string_view created_time, std::string_view id,
                                                           std::int64_t limit) {
  return read(
      [&](Database::Statements& statements) { return statements.documents.jobs_made_before(created_time, id, limit); });
}

std::vector<std::string> SqliteStore::document_kinds(std::string_view prefix) {
  return read([&](Database::Statements& statements) { return statements.documents.kinds(prefix); });
}

void SqliteStore::put_document(std::string_view kind, std::string_view id, std::string_view json) {
  write([&](Database::Statements& statements) { statements.documents.put(kind, id, json); });
}

bool SqliteStore::remove_document(std::string_view kind, std::string_view id) {
  return write([&](Database::Statements& statements) { return statements.documents.remove(kind, id); });
}

void SqliteStore::remove_documents(std::string_view kind) {
  write([&](Database::Statements& statements) { statements.documents.remove_all(kind); });
}

// ---- events ---------------------------------------------------------------------------------------------------------

int SqliteStore::partition_count() const {
  return options_.partitions;
}

std::int64_t SqliteStore::append_event(int partition, const EventRow& event) {
  return write([&](Database::Statements& statements) {
    Position& next = position(partition);
    statements.insert_event[static_cast<std::size_t>(partition)]
        .run(next.next_sequence_number, next.next_offset, event.enqueued_time, event.device_id, event.module_id,
             event.source, event.annotations, event.system_properties, event.properties, event.auth_method,
             event.auth_generation_id, Blob{event.body})
        .finish();
    next.next_offset += stored_size(event);
    return next.next_sequence_number++;
  });
}

std::int64_t SqliteStore::next_sequence_number(int partition) const {
  return positions_.at(static_cast<std::size_t>(partition)).next_sequence_number;
}

std::vector<EventRow> SqliteStore::events(int partition, std::int64_t from, std::int64_t limit) {
  return read([&](Database::Statements& statements) {
    std::vector<EventRow> events;
    Run run = statements.select_events.at(static_cast<std::size_t>(partition)).run(from, limit);
    while (run.next()) events.push_back(event_of(run));
    return events;
  });
}

std::int64_t SqliteStore::remove_events_enqueued_before(int partition, std::int64_t time, std::int64_t limit) {
  const auto index = static_cast<std::size_t>(partition);
  const bool expired = read([&](Database::Statements& statements) {
    Run run = statements.select_oldest.at(index).run();
    return run.next() && run.integer(0) < time;
  });
  if (!expired) return 0;
  return write([&](Database::Statements& statements) {
    const Position& next = position(partition);
    statements.update_position.run(partition, next.next_sequence_number, next.next_offset).finish();
    return statements.remove_expired_events.at(index).run(time, limit).finish();
  });
}

std::optional<EventSpan> SqliteStore::event_span(int partition) {
  return read([&](Database::Statements& statements) -> std::optional<EventSpan> {
    Run run = statements.select_oldest.at(static_cast<std::size_t>(partition)).run();
    if (!run.next()) return std::nullopt;
    return EventSpan{run.integer(1), run.integer(0), position(partition).next_offset - run.integer(1)};
  });
}

std::int64_t SqliteStore::remove_events_below(int partition, std::int64_t offset, std::int64_t limit) {
  return write([&](Database::Statements& statements) {
    const Position& next = position(partition);
    statements.update_position.run(partition, next.next_sequence_number, next.next_offset).finish();
    return statements.remove_events_below.at(static_cast<std::size_t>(partition)).run(offset, limit).finish();
  });
}

std::int64_t SqliteStore::remove_events_before(int partition, std::int64_t sequence_number) {
  return write([&](Database::Statements& statements) {
    const Position& next = position(partition);
    statements.update_position.run(partition, next.next_sequence_number, next.next_offset).finish();
    Statement remove(database_->connection.handle(), remove_events(partition));
    return remove.run(sequence_number).finish();
  });
}

// ---- outgoing events ------------------------------------------------------------------------------------------------

void SqliteStore::append_outgoing(std::string_view endpoint, const EventRow& event) {
  write([&](Database::Statements& statements) { statements.outbox.append(endpoint, event); });
}

std::vector<EventRow> SqliteStore::outgoing_events(std::string_view endpoint, std::int64_t limit,
                                                   std::size_t most_bytes) {
  return read([&](Database::Statements& statements) { return statements.outbox.oldest(endpoint, limit, most_bytes); });
}

void SqliteStore::remove_outgoing(std::string_view endpoint, std::int64_t up_to) {
  write([&](Database::Statements& statements) { statements.outbox.remove(endpoint, up_to); });
}

std::int64_t SqliteStore::remove_outgoing_enqueued_before(std::int64_t time, std::int64_t limit) {
  if (!read([&](Database::Statements& statements) { return statements.outbox.has_older_than(time); })) return 0;
  return write([&](Database::Statements& statements) { return statements.outbox.remove_older_than(time, limit); });
}

// ---- the WAL --------------------------------------------------------------------------------------------------------

int SqliteStore::note_wal_size(void* store, sqlite3*, const char*, int pages) {
  auto& self = *static_cast<SqliteStore*>(store);
  if (pages < self.wal_pages_) {  // it has started again
    self.checkpoint_due_at_ = self.options_.checkpoint_pages;
    self.bound_wal_at_ = self.options_.max_wal_pages;
  }
  self.wal_pages_ = pages;
  return SQLITE_OK;
}

bool SqliteStore::take_checkpoint_due() {
  if (wal_pages_ < checkpoint_due_at_) return false;
  checkpoint_due_at_ = wal_pages_ + options_.checkpoint_pages;
  return true;
}

// Most pages are in the file already, by the worker; nobody appends meanwhile, so this reaches the end of the WAL and
// the next write starts it again. A reader elsewhere may forbid that: then it is tried once for each further eighth.
void SqliteStore::bound_wal() {
  if (wal_pages_ < bound_wal_at_) return;
  try {
    if (checkpoint_passively(database_->connection).busy) return;  // the worker is at it: after the next commit then
  } catch (const Error&) {
    // What was committed is safe in the WAL. The Checkpointer meets the same error and reports it.
  }
  bound_wal_at_ = wal_pages_ + options_.max_wal_pages / 8;
}

// ---- the whole content ----------------------------------------------------------------------------------------------

std::int64_t SqliteStore::remove_events_of(int partition, std::string_view device_id) {
  return write([&](Database::Statements&) {
    Statement remove(database_->connection.handle(), remove_events_of_device(partition));
    return remove.run(device_id).finish();
  });
}

void SqliteStore::clear(bool renumber) {
  write([&](Database::Statements& statements) {
    Connection& connection = database_->connection;
    std::vector<std::string> tables;
    {
      Statement select(connection.handle(), kContentTables);
      Run run = select.run();
      while (run.next()) tables.push_back(run.text(0));
    }
    // Numbering that goes on has to be kept where no event shows it any more.
    for (std::size_t partition = 0; !renumber && partition < positions_.size(); ++partition) {
      statements.update_position
          .run(static_cast<std::int64_t>(partition), positions_[partition].next_sequence_number,
               positions_[partition].next_offset)
          .finish();
    }
    for (const std::string& table : tables) connection.execute("DELETE FROM " + table);
    connection.execute("DELETE FROM sqlite_sequence");
    if (!renumber) return;
    connection.execute(kRestartPositions);
    for (Position& position : positions_) position.next_sequence_number = position.next_offset = 0;
  });
}

void SqliteStore::save_copy(const std::filesystem::path& file) {
  database_->make(options_.partitions);
  std::filesystem::path unfinished = file;
  unfinished += ".new";
  std::error_code ignored;
  std::filesystem::remove(unfinished, ignored);
  {
    Connection copy = open_private(unfinished.string());
    copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    copy_database(database_->connection, copy);
  }
  std::error_code failed;
  std::filesystem::rename(unfinished, file, failed);
  if (failed) throw Error(file.string() + ": " + failed.message());
}

void SqliteStore::load_copy(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw Error(file.string() + ": there is no such file");
  roll_back();
  database_->make(options_.partitions);
  // In memory first: it may need another schema, and the file stays as it is.
  Connection copy(":memory:");
  {
    Connection source(file.string());
    if (schema_version(source) == 0) throw Error(file.string() + " is empty, not a copy of a hub");
    copy_database(source, copy);
  }
  migrate(copy, schema_version(copy), options_.partitions);
  check_partitions(copy, options_.partitions);
  copy_database(copy, database_->connection);
  positions_.clear();
  load_positions();
}

}  // namespace iothub::storage
