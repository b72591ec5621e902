#include "emulator/app/file_text.h"

#include <fstream>
#include <iterator>

namespace iothub::app {

std::optional<std::string> read_text(const std::filesystem::path& file) {
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) return std::nullopt;
  return text;
}

std::optional<std::string> json_or_file(const std::string& given) {
  return given.starts_with('{') ? given : read_text(given);
}

}  // namespace iothub::app
