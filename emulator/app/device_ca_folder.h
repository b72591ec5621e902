#pragma once
/// The CAs registered with the hub of a data folder: one PEM file each, in its folder `device-ca`. A hub reads them
/// when it starts.
#include <filesystem>
#include <string>
#include <vector>

namespace iothub::app {

/// The PEM text of a file whose certificates may sign devices. Throws std::runtime_error with the file's name.
std::string read_device_ca(const std::filesystem::path& file);

/// Copies the file there under its own name and returns that name. Throws std::runtime_error when it is no CA's or the
/// name is taken.
std::string add_device_ca(const std::filesystem::path& data_folder, const std::filesystem::path& file);

/// The files, by name; none when nothing was added.
std::vector<std::filesystem::path> device_ca_files(const std::filesystem::path& data_folder);

/// Throws std::runtime_error when there is none of that name.
void remove_device_ca(const std::filesystem::path& data_folder, const std::string& name);

}  // namespace iothub::app
