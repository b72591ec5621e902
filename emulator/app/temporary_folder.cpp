#include "emulator/app/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>
#include <system_error>

namespace iothub::app {

TemporaryFolder::TemporaryFolder(Made made) {
  std::string name = (std::filesystem::temp_directory_path() / "iothub-emulator-").string();
  if (made == Made::later) {
    static std::random_device random;  // opened once: a process may have a hundred hubs
    for (int part = 0; part < 4; ++part) name += std::to_string(random());
    path_ = name;
    return;
  }
  name += "XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "cannot make a temporary folder " + name);
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace iothub::app
