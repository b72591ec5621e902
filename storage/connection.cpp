#include "storage/connection.h"

#include <sqlite3.h>

#include "storage/statement.h"
#include "storage/store.h"

namespace iothub::storage {

void throw_last_error(sqlite3* database) {
  const int code = sqlite3_extended_errcode(database);
  const char* file = sqlite3_db_filename(database, "main");
  const std::string name = file == nullptr || *file == '\0' ? "the in-memory store" : file;
  std::string advice;
  if (const int primary = code & 0xff; primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT) {
    advice = "; the file is damaged or not a database: move it away or choose another data folder";
  }
  throw Error(name + ": " + sqlite3_errmsg(database) + " (SQLite code " + std::to_string(code) + ")" + advice);
}

Connection::Connection(const std::string& path) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) throw Error(path + ": cannot open: " + sqlite3_errstr(code));
}

void Connection::execute(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw_last_error(handle());
}

std::int64_t Connection::integer(const char* sql) {
  Statement statement(handle(), sql);
  Run run = statement.run();
  return run.next() ? run.integer(0) : 0;
}

std::string Connection::text(const char* sql) {
  Statement statement(handle(), sql);
  Run run = statement.run();
  return run.next() ? run.text(0) : std::string();
}

void Connection::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

void copy_database(Connection& from, Connection& to) {
  // The one connection beside ours is the checkpointer's, which is done in a moment.
  constexpr int kMostTries = 200;
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) throw_last_error(to.handle());
  int code = SQLITE_BUSY;
  for (int tries = 0; tries < kMostTries && (code == SQLITE_BUSY || code == SQLITE_LOCKED); ++tries) {
    if (tries > 0) sqlite3_sleep(1);
    code = sqlite3_backup_step(backup, -1) & 0xff;
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE && finished == SQLITE_OK) return;
  if (finished != SQLITE_OK) throw_last_error(to.handle());
  throw Error("cannot copy a database: " + std::string(sqlite3_errstr(code)));
}

CheckpointResult checkpoint_passively(Connection& connection) {
  CheckpointResult result;
  const int code = sqlite3_wal_checkpoint_v2(connection.handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &result.wal_pages,
                                             &result.checkpointed_pages);
  result.busy = (code & 0xff) == SQLITE_BUSY;
  if (code != SQLITE_OK && !result.busy) throw_last_error(connection.handle());
  return result;
}

}  // namespace iothub::storage
