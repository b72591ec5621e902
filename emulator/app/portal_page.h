#pragma once
/// The portal's files: built into the program, or of a folder while somebody works on the page.
#include <filesystem>
#include <optional>
#include <string_view>

#include "emulator/heads/control/actions.h"

namespace iothub::app {

/// `folder` empty: what the program was built with. Nothing for a name that is not there or leaves the folder.
std::optional<heads::control::PortalFile> portal_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace iothub::app
