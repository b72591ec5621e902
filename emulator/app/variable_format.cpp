#include "emulator/app/variable_format.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace iothub::app {
namespace {

std::string replace_all(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(what, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += by;
    at = found + what.size();
  }
}

std::string sh_line(const std::string& name, const std::string& value) {
  return "export " + name + "='" + replace_all(value, "'", R"('\'')") + "'\n";
}

std::string dotenv_line(const std::string& name, const std::string& value) {
  // Single quotes take everything as it stands but cannot hold one themselves.
  if (value.find_first_of("'\n\r") == std::string::npos) return name + "='" + value + "'\n";
  std::string quoted = replace_all(value, "\\", "\\\\");
  quoted = replace_all(quoted, "\"", "\\\"");
  quoted = replace_all(quoted, "$", "\\$");
  quoted = replace_all(quoted, "\n", "\\n");
  quoted = replace_all(quoted, "\r", "\\r");
  return name + "=\"" + quoted + "\"\n";
}

std::string powershell_line(const std::string& name, const std::string& value) {
  std::string quoted = replace_all(value, "'", "''");
  // PowerShell takes the typographic quotes U+2018 to U+201B for the plain one.
  for (const std::string_view quote : {"\u2018", "\u2019", "\u201a", "\u201b"}) {
    quoted = replace_all(quoted, quote, std::string(quote) + std::string(quote));
  }
  return "$env:" + name + " = '" + quoted + "'\n";
}

std::string github_line(const std::string& name, const std::string& value) {
  if (value.find_first_of("\n\r") == std::string::npos) return name + "=" + value + "\n";
  std::string delimiter = "END_OF_" + name;
  while (value.find(delimiter) != std::string::npos) delimiter += "_";
  return name + "<<" + delimiter + "\n" + value + "\n" + delimiter + "\n";
}

}  // namespace

std::string format_variables(const Environment& variables, VariableFormat format) {
  if (format == VariableFormat::json) return nlohmann::ordered_json(variables).dump(2) + "\n";
  std::string text;
  for (const auto& [name, value] : variables) {
    switch (format) {
      case VariableFormat::sh:
        text += sh_line(name, value);
        break;
      case VariableFormat::dotenv:
        text += dotenv_line(name, value);
        break;
      case VariableFormat::powershell:
        text += powershell_line(name, value);
        break;
      case VariableFormat::github:
        text += github_line(name, value);
        break;
      case VariableFormat::json:
        break;  // written above
    }
  }
  return text;
}

}  // namespace iothub::app
