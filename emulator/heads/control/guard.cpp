#include "emulator/heads/control/guard.h"

#include "emulator/hub/hmac.h"
#include "protocol/text/ascii.h"

namespace iothub::heads::control {
namespace {

using hub::ErrorCode;
using hub::HubError;

/// The token a client shows: in its header, or as EventSource and links must, among the query's parameters.
std::string_view shown_token(const HttpExchange& exchange) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view header = http::find(exchange.request.headers, "Authorization").value_or("");
  if (header.size() > kScheme.size() && text::equals_ignoring_case(header.substr(0, kScheme.size()), kScheme)) {
    return header.substr(kScheme.size());
  }
  const std::string* parameter = exchange.target.parameter("token");
  return parameter == nullptr ? std::string_view() : std::string_view(*parameter);
}

/// Whether a page of another site asks. Programs send no Origin; browsers do with everything but a plain GET of the
/// same site, and say where from by Sec-Fetch-Site.
bool is_cross_site(const HttpExchange& exchange) {
  const http::Headers& headers = exchange.request.headers;
  const std::string_view site = http::find(headers, "Sec-Fetch-Site").value_or("none");
  if (site != "none" && site != "same-origin") return true;
  const auto origin = http::find(headers, "Origin");
  if (!origin) return false;
  const std::string own = std::string(exchange.peer.secure ? "https://" : "http://") +
                          std::string(http::find(headers, "Host").value_or(""));
  return !text::equals_ignoring_case(*origin, own);
}

}  // namespace

bool is_loopback(std::string_view remote_address) {
  return remote_address.starts_with("127.") || remote_address.starts_with("[::1]") ||
         remote_address.starts_with("[::ffff:127.");
}

hub::Result<void> admit(const HttpExchange& exchange, std::string_view token, bool open) {
  if (exchange.hub == nullptr) {
    return HubError{
        ErrorCode::IotHubMisdirected,
        "no hub here is called '" + std::string(http::find(exchange.request.headers, "Host").value_or("")) + "'",
        {},
        {}};
  }
  if (is_cross_site(exchange)) {
    return HubError{ErrorCode::ControlForbidden, "a page of another origin may not use the control API", {}, {}};
  }
  if (open) return {};
  if (token.empty()) {
    if (is_loopback(exchange.peer.remote_address)) return {};
    return HubError{ErrorCode::ControlForbidden,
                    "the control API is for this machine only, unless the emulator has a --control-token",
                    {},
                    {}};
  }
  if (hub::equal_secrets(shown_token(exchange), token)) return {};
  return HubError{ErrorCode::ControlUnauthorized, "the control API wants `Authorization: Bearer TOKEN`", {}, {}};
}

}  // namespace iothub::heads::control
