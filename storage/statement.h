#pragma once
/// A prepared SQLite statement and one run of it.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace iothub::storage {

/// Bound as a BLOB; a plain string_view is bound as TEXT.
struct Blob {
  std::string_view bytes;
};

/// One run of a Statement: its rows, and the reset when it goes. At most one run of a statement is alive at a time.
class Run {
 public:
  explicit Run(sqlite3_stmt* statement) : statement_(statement) {}
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// True with a row to read, false at the end. Throws Error.
  bool next();
  /// For a statement that answers no rows: the number of rows it wrote, those of cascades not counted. Throws Error.
  std::int64_t finish();

  // The columns of the row that next() stands on, from 0. A NULL reads as 0, false or empty.
  std::int64_t integer(int column) const;
  bool boolean(int column) const { return integer(column) != 0; }
  std::string text(int column) const;  ///< also reads a BLOB's bytes
  std::optional<std::string> optional_text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

/// Prepared at its first run, run many times: a hub has a hundred of them and most hubs use few. The connection
/// outlives it.
class Statement {
 public:
  Statement(sqlite3* database, std::string sql) : database_(database), sql_(std::move(sql)) {}

  /// Throws Error when the SQL does not fit the database.
  void prepare();

  /// Binds ?1, ?2, ... in order. Nothing is copied: the text must outlive the run. Throws as prepare() does.
  template <typename... Values>
  Run run(const Values&... values) {
    prepare();
    int parameter = 0;
    (bind(++parameter, values), ...);
    return Run(handle_.get());
  }

 private:
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, int value) { bind(parameter, std::int64_t{value}); }
  void bind(int parameter, bool value) { bind(parameter, std::int64_t{value}); }
  void bind(int parameter, std::string_view value);
  void bind(int parameter, const char* value) = delete;  // would be taken for a bool
  void bind(int parameter, const std::string& value) { bind(parameter, std::string_view(value)); }
  void bind(int parameter, const std::optional<std::string>& value);
  void bind(int parameter, Blob value);
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  std::string sql_;  ///< empty once prepared: SQLite keeps a copy
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace iothub::storage
