#include "emulator/app/data_folder.h"

#include <pwd.h>
#include <unistd.h>

#include <stdexcept>

namespace iothub::app {
namespace {

std::filesystem::path home_folder(const Environment& environment) {
  const std::string_view home = variable(environment, "HOME");
  if (!home.empty()) return home;
  // Where services and containers start without HOME.
  if (const passwd* user = ::getpwuid(::getuid()); user != nullptr && user->pw_dir != nullptr) return user->pw_dir;
  throw std::runtime_error("there is no home folder to keep data in: give --data and --ca-dir, or set HOME");
}

}  // namespace

std::filesystem::path default_data_folder(const Environment& environment) {
  const std::filesystem::path data_home = variable(environment, "XDG_DATA_HOME");
  const auto root = data_home.is_absolute() ? data_home : home_folder(environment) / ".local" / "share";
  return root / "iothub-emulator";
}

std::filesystem::path default_ca_folder(const Environment& environment) {
  return default_data_folder(environment) / "ca";
}

std::filesystem::path database_file(const std::filesystem::path& data_folder) {
  return data_folder / "hub.db";
}

std::filesystem::path blob_folder(const std::filesystem::path& data_folder) {
  return data_folder / "blobs";
}

void make_private_folder(const std::filesystem::path& folder) {
  // False for a folder that was there: its mode is its owner's choice.
  if (std::filesystem::create_directories(folder)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  }
}

}  // namespace iothub::app
