#pragma once
/// Who may use the control API. Its keys are published, so a web page in the user's browser must not reach it, neither
/// by a form (CSRF) nor by a name of its own that resolves to this machine (DNS rebinding).
#include <string>
#include <string_view>

#include "emulator/heads/http_service.h"
#include "emulator/hub/errors.h"

namespace iothub::heads::control {

/// Refuses with 401 a missing or wrong token, 403 a client that is not on this machine (without a token) and a page of
/// another origin, 421 a Host that names no hub. `open`: for probes and trust, that need no token and may come from
/// anywhere. An empty token: none was set.
hub::Result<void> admit(const HttpExchange& exchange, std::string_view token, bool open);

/// `127.0.0.1:5000`, `[::1]:5000`, `[::ffff:127.0.0.1]:5000`.
bool is_loopback(std::string_view remote_address);

}  // namespace iothub::heads::control
