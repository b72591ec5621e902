#include "emulator/app/device_ca_folder.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "emulator/app/data_folder.h"
#include "emulator/app/file_text.h"
#include "emulator/hub/device_cas.h"

namespace iothub::app {
namespace {

std::filesystem::path folder_in(const std::filesystem::path& data_folder) {
  return data_folder / "device-ca";
}

}  // namespace

std::string read_device_ca(const std::filesystem::path& file) {
  std::optional<std::string> text = read_text(file);
  if (!text) throw std::runtime_error("cannot read the device CA " + file.string());
  try {
    const hub::DeviceCas tried({*text});
  } catch (const std::invalid_argument& wrong) {
    throw std::runtime_error("the device CA " + file.string() + " cannot be used: " + wrong.what());
  }
  return std::move(*text);
}

std::string add_device_ca(const std::filesystem::path& data_folder, const std::filesystem::path& file) {
  const std::string text = read_device_ca(file);
  make_private_folder(data_folder);
  make_private_folder(folder_in(data_folder));
  const std::filesystem::path name = file.filename();
  if (std::filesystem::exists(folder_in(data_folder) / name)) {
    throw std::runtime_error("a CA named " + name.string() + " is registered: `ca remove` it first");
  }
  std::ofstream stream(folder_in(data_folder) / name, std::ios::binary);
  stream << text << std::flush;
  if (!stream) throw std::runtime_error("cannot write " + (folder_in(data_folder) / name).string());
  return name.string();
}

std::vector<std::filesystem::path> device_ca_files(const std::filesystem::path& data_folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(folder_in(data_folder))) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_in(data_folder))) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void remove_device_ca(const std::filesystem::path& data_folder, const std::string& name) {
  for (const std::filesystem::path& file : device_ca_files(data_folder)) {
    if (file.filename() != name) continue;
    std::filesystem::remove(file);
    return;
  }
  throw std::runtime_error("no CA named " + name + " is registered; `ca list` shows them");
}

}  // namespace iothub::app
