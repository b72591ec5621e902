#pragma once
/// `route test`: says where a message would go, and why.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "emulator/app/config.h"

namespace iothub::app {

/// Prints to standard output. Throws ConfigError for routes, a message or a twin that cannot be read.
int test_routes(const Config& config);

/// What routing::explain() answers, for people: a line a clause, indented.
std::string explanation_text(const nlohmann::ordered_json& explained);

}  // namespace iothub::app
