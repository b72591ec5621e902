#pragma once
/// Environment variables as a value, so that what reads them can be given others.
#include <map>
#include <string>
#include <string_view>

namespace iothub::app {

using Environment = std::map<std::string, std::string, std::less<>>;

/// This process's environment.
Environment current_environment();

/// The variable's value; empty when it is not set.
std::string_view variable(const Environment& environment, std::string_view name);

}  // namespace iothub::app
