#include "emulator/app/portal_page.h"

#include <algorithm>
#include <string>

#include "emulator/app/file_text.h"
#include "portal/portal_files.h"

namespace iothub::app {

std::optional<heads::control::PortalFile> portal_file(const std::filesystem::path& folder, std::string_view name) {
  if (folder.empty()) {
    const auto files = portal::files();
    const auto found =
        std::find_if(files.begin(), files.end(), [&](const portal::File& each) { return each.name == name; });
    if (found == files.end()) return std::nullopt;
    return heads::control::PortalFile{
        std::string(name), std::string(reinterpret_cast<const char*>(found->gzip.data()), found->gzip.size()), true};
  }
  if (name.find('/') != name.npos || name.starts_with('.')) return std::nullopt;
  std::optional<std::string> text = read_text(folder / name);
  if (!text) return std::nullopt;
  return heads::control::PortalFile{std::string(name), std::move(*text), false};
}

}  // namespace iothub::app
