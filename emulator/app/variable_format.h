#pragma once
/// Writes environment variables for whoever is to take them up.
#include <string>

#include "emulator/app/environment.h"

namespace iothub::app {

enum class VariableFormat {
  sh,          ///< `export NAME='value'`, for eval
  dotenv,      ///< `NAME='value'`, for docker compose and the dotenv libraries
  json,        ///< one object
  powershell,  ///< `$env:NAME = 'value'`, for Invoke-Expression
  github,      ///< `NAME=value`, to append to $GITHUB_ENV
};

/// One line for each variable, in order of their names; quoted so that nothing in a value is taken for syntax.
std::string format_variables(const Environment& variables, VariableFormat format);

}  // namespace iothub::app
