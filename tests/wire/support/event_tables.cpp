#include "tests/wire/support/event_tables.h"

#include <sqlite3.h>

#include <memory>
#include <stdexcept>

#include "tests/wire/support/patience.h"

namespace iothub::test {
namespace {

using Database = std::unique_ptr<sqlite3, decltype([](sqlite3* database) { sqlite3_close(database); })>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype([](sqlite3_stmt* statement) { sqlite3_finalize(statement); })>;

Database open(const std::filesystem::path& file, int flags) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
  Database database(opened);
  if (result != SQLITE_OK) throw std::runtime_error(file.string() + ": " + sqlite3_errstr(result));
  sqlite3_busy_timeout(database.get(), static_cast<int>(patience().count()));
  return database;
}

Statement prepare(const Database& database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(database.get()));
  }
  return Statement(statement);
}

std::string text(const Statement& row, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row.get(), column));
  const int size = sqlite3_column_bytes(row.get(), column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

bool next(const Database& database, const Statement& statement) {
  const int result = sqlite3_step(statement.get());
  if (result == SQLITE_ROW || result == SQLITE_DONE) return result == SQLITE_ROW;
  throw std::runtime_error(sqlite3_errmsg(database.get()));
}

}  // namespace

std::vector<StoredEvent> stored_events(const std::filesystem::path& file) {
  const Database database = open(file, SQLITE_OPEN_READONLY);
  std::vector<StoredEvent> events;
  const Statement partitions = prepare(database, "SELECT number FROM partition ORDER BY number");
  while (next(database, partitions)) {
    const int partition = sqlite3_column_int(partitions.get(), 0);
    const Statement rows = prepare(
        database, "SELECT sequence_number, device_id, module_id, system_properties, properties, body FROM event_" +
                      std::to_string(partition) + " ORDER BY sequence_number");
    while (next(database, rows)) {
      events.push_back({partition, sqlite3_column_int64(rows.get(), 0), text(rows, 1), text(rows, 2), text(rows, 3),
                        text(rows, 4), text(rows, 5)});
    }
  }
  return events;
}

std::vector<StoredEvent> stored_events(const std::filesystem::path& file, const std::string& device) {
  std::vector<StoredEvent> events = stored_events(file);
  std::erase_if(events, [&](const StoredEvent& event) { return event.device != device; });
  return events;
}

int schema_version(const std::filesystem::path& file) {
  const Database database = open(file, SQLITE_OPEN_READONLY);
  const Statement statement = prepare(database, "PRAGMA user_version");
  next(database, statement);
  return sqlite3_column_int(statement.get(), 0);
}

void set_schema_version(const std::filesystem::path& file, int version) {
  const Database database = open(file, SQLITE_OPEN_READWRITE);
  const std::string sql = "PRAGMA user_version = " + std::to_string(version);
  if (sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(database.get()));
  }
}

}  // namespace iothub::test
