#include "emulator/app/snapshots.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <vector>

#include "emulator/app/data_folder.h"
#include "protocol/text/ascii.h"

namespace iothub::app {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr const char* kExtension = ".snapshot";

Timestamp time_of(const std::filesystem::path& file) {
  std::error_code failed;
  const auto written = std::filesystem::last_write_time(file, failed);
  if (failed) return {};
  const auto system = std::chrono::file_clock::to_sys(written);
  return Timestamp::from_unix_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count());
}

}  // namespace

bool Snapshots::is_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return text::is_alpha(c) || text::is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

std::filesystem::path Snapshots::file(const std::string& name) const {
  return folder_.value_or(std::filesystem::path()) / (name + kExtension);
}

void Snapshots::save(storage::SqliteStore& store, const std::string& name) {
  if (!folder_) {
    temporary_ = std::make_unique<TemporaryFolder>();
    folder_ = temporary_->path();
  }
  make_private_folder(*folder_);
  store.save_copy(file(name));
}

bool Snapshots::exists(const std::string& name) const {
  std::error_code unreadable;
  return folder_ && std::filesystem::is_regular_file(file(name), unreadable);
}

void Snapshots::load(storage::SqliteStore& store, const std::string& name) const {
  store.load_copy(file(name));
}

bool Snapshots::remove(const std::string& name) {
  std::error_code failed;
  return folder_ && std::filesystem::remove(file(name), failed);
}

hub::Json Snapshots::list() const {
  std::vector<std::filesystem::path> files;
  std::error_code unreadable;
  if (folder_) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder_, unreadable)) {
      if (entry.path().extension() == kExtension) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  hub::Json list = hub::Json::array();
  for (const auto& path : files) {
    hub::Json& each = list.emplace_back();
    each["name"] = path.stem().string();
    each["bytes"] = std::filesystem::file_size(path, unreadable);
    each["time"] = text::iso_time(time_of(path));
  }
  return list;
}

}  // namespace iothub::app
