#pragma once
/// Copies of hubs' stores by name, for tests that come back to a known state.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "emulator/app/temporary_folder.h"
#include "emulator/hub/json.h"
#include "storage/sqlite_store.h"

namespace iothub::app {

class Snapshots {
 public:
  /// In the folder, made at the first snapshot; nothing: in a folder that goes with this object.
  explicit Snapshots(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

  /// 1-64 letters, digits, `-`, `_` and `.`, which is not the first: a file's name.
  static bool is_name(const std::string& name);

  /// Over an older one of the name. Throws storage::Error and std::filesystem::filesystem_error.
  void save(storage::SqliteStore& store, const std::string& name);
  bool exists(const std::string& name) const;
  /// Throws storage::Error.
  void load(storage::SqliteStore& store, const std::string& name) const;
  /// False when there was none.
  bool remove(const std::string& name);
  /// `[{"name":"a","bytes":4096,"time":"2026-01-01T00:00:00Z"}]`, by name.
  hub::Json list() const;

 private:
  std::filesystem::path file(const std::string& name) const;

  std::optional<std::filesystem::path> folder_;
  std::unique_ptr<TemporaryFolder> temporary_;
};

}  // namespace iothub::app
