#include "storage/statement.h"

#include <sqlite3.h>

#include "storage/connection.h"

namespace iothub::storage {
namespace {

constexpr sqlite3_destructor_type kCallerKeepsIt = nullptr;  // SQLITE_STATIC without its C cast

// A default-constructed string_view has no address, and SQLite would bind that as NULL.
const char* address(std::string_view text) {
  return text.data() == nullptr ? "" : text.data();
}

}  // namespace

// Bindings are left in place: every run binds all its parameters again before SQLite looks at them.
Run::~Run() {
  sqlite3_reset(statement_);
}

bool Run::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw_last_error(sqlite3_db_handle(statement_));
}

std::int64_t Run::finish() {
  while (next()) {
  }
  return sqlite3_changes64(sqlite3_db_handle(statement_));
}

std::int64_t Run::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Run::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::optional<std::string> Run::optional_text(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return text(column);
}

void Statement::prepare() {
  if (handle_) return;
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql_.c_str(), static_cast<int>(sql_.size() + 1),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) throw_last_error(database_);
  handle_.reset(handle);
  sql_ = {};
}

void Statement::bind(int parameter, std::int64_t value) {
  check(sqlite3_bind_int64(handle_.get(), parameter, value));
}

void Statement::bind(int parameter, std::string_view value) {
  check(sqlite3_bind_text64(handle_.get(), parameter, address(value), value.size(), kCallerKeepsIt, SQLITE_UTF8));
}

void Statement::bind(int parameter, const std::optional<std::string>& value) {
  if (value) {
    bind(parameter, std::string_view(*value));
  } else {
    check(sqlite3_bind_null(handle_.get(), parameter));
  }
}

void Statement::bind(int parameter, Blob value) {
  check(sqlite3_bind_blob64(handle_.get(), parameter, address(value.bytes), value.bytes.size(), kCallerKeepsIt));
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) throw_last_error(database_);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

}  // namespace iothub::storage
