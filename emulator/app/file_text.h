#pragma once
/// Files that a user names, as their text.
#include <filesystem>
#include <optional>
#include <string>

namespace iothub::app {

/// Nothing when it cannot be read; a folder cannot.
std::optional<std::string> read_text(const std::filesystem::path& file);

/// What a flag was given: a JSON object itself, which begins with `{`, or the text of the file that it names.
std::optional<std::string> json_or_file(const std::string& given);

}  // namespace iothub::app
