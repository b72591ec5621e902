#pragma once
/// Where the emulator keeps things when it is not told.
#include <filesystem>

#include "emulator/app/environment.h"

namespace iothub::app {

/// `$XDG_DATA_HOME/iothub-emulator`, else `~/.local/share/iothub-emulator` (XDG Base Directory Specification: a
/// relative XDG_DATA_HOME does not count). The home folder is `$HOME`, else that of the user's passwd entry. Throws
/// std::runtime_error when there is none.
std::filesystem::path default_data_folder(const Environment& environment);

/// The certificate authority's folder inside the default data folder, whatever `--data` says: trust that was installed
/// once stays good for every hub of this user.
std::filesystem::path default_ca_folder(const Environment& environment);

/// The hub's database in its data folder.
std::filesystem::path database_file(const std::filesystem::path& data_folder);
std::filesystem::path blob_folder(const std::filesystem::path& data_folder);

/// Makes the folder, for its owner only, and those above it where they are missing. Throws
/// std::filesystem::filesystem_error.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace iothub::app
