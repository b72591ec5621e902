#pragma once
/// The commands that are thin over the control API: `reset`, `snapshot`, `messages`, `events`, `clock`, `faults`,
/// `explain`, `connections`, `c2d`, `feedback`, `hubs`, `scenario runs`.
#include <string>
#include <string_view>

#include "emulator/app/config.h"
#include "emulator/app/hub_client.h"

namespace iothub::app {

/// What the command's words ask of the API. Throws ConfigError for words that mean nothing.
HubClient::ControlRequest control_request(const Config& config);

/// Appends `?name=value` or `&name=value`, percent-encoded.
void add_parameter(std::string& path, std::string_view name, std::string_view value);

/// The message of an answer that refuses, with its hint.
std::string refusal_text(const std::string& body);

/// Asks, and prints what is answered; the exit status. 1, and the reason on stderr, for a refusal; 1 also for
/// `messages` whose wait ended before enough came. Throws HubClientError.
int run_control_command(const Config& config, HubClient::ControlRequest request, const HubClient& client);

}  // namespace iothub::app
