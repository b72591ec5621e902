#include "emulator/heads/rest/rest_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "emulator/heads/refusal.h"
#include "protocol/text/ascii.h"
#include "protocol/websocket/handshake.h"

namespace iothub::heads::rest {
namespace {

using hub::ErrorCode;
using hub::HubError;

/// Any dated version, as the hub has had many and answers them alike: `2021-04-12`, `2020-05-31-preview`.
bool is_api_version(std::string_view version) {
  constexpr std::string_view kPreview = "-preview";
  constexpr std::string_view kShape = "20dd-dd-dd";
  if (version.ends_with(kPreview)) version.remove_suffix(kPreview.size());
  return version.size() == kShape.size() &&
         std::equal(version.begin(), version.end(), kShape.begin(),
                    [](char c, char shape) { return shape == 'd' ? text::is_digit(c) : c == shape; });
}

/// Java's HTTP client knows no PATCH and says it in a header of a POST.
std::string effective_method(const http::Request& request) {
  const auto overriding = http::find(request.headers, "X-HTTP-Method-Override");
  return request.method == "POST" && overriding ? std::string(*overriding) : request.method;
}

hub::Result<void> check_api_version(const http::Target& target) {
  const std::string* version = target.parameter("api-version");
  if (version == nullptr)
    return HubError{ErrorCode::InvalidProtocolVersion, "BadRequest", "there is no api-version", {}};
  if (is_api_version(*version)) return {};
  return HubError{ErrorCode::InvalidProtocolVersion,
                  "BadRequest",
                  "api-version '" + *version + "' is no date such as 2021-04-12 or 2020-05-31-preview",
                  {}};
}

HubError unreadable(const http::Refusal& refusal) {
  const bool too_large = refusal.status == 413;
  return {too_large ? ErrorCode::MessageTooLarge : ErrorCode::GenericBadRequest,
          std::string(http::reason_phrase(refusal.status)),
          refusal.reason,
          {}};
}

/// uamqp opens the service's path on every host, with a trailing slash; Java sends a query (amqp.md 2.1).
bool is_websocket_path(const std::vector<std::string>& segments) {
  return segments.size() == 2 && text::equals_ignoring_case(segments[1], "websocket") &&
         (text::equals_ignoring_case(segments[0], "$iothub") || text::equals_ignoring_case(segments[0], "$servicebus"));
}

/// The first that is known, in the client's spelling.
std::optional<std::pair<WebSocketProtocol, std::string>> choose_sub_protocol(const std::vector<std::string>& asked) {
  for (const std::string& each : asked) {
    if (text::equals_ignoring_case(each, "mqtt")) return {{WebSocketProtocol::mqtt, each}};
    if (text::equals_ignoring_case(each, "AMQPWSB10")) return {{WebSocketProtocol::amqp, each}};
  }
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

RestSession::RestSession(const SessionEnvironment& environment, Peer peer, Outbox& outbox, std::span<const Route> table)
    : environment_(environment),
      peer_(std::move(peer)),
      outbox_(outbox),
      table_(table),
      parser_(kMaxBodyBytes),
      resume_(environment.scheduler) {}

RestSession::~RestSession() {
  drop_call();
}

// ---- requests in --------------------------------------------------------------------------------------------------

void RestSession::receive(std::span<const std::byte> bytes) {
  if (ended_) return;
  parser_.feed(bytes);
  serve_requests();
}

void RestSession::serve_requests() {
  serving_ = true;
  bool more = true;
  while (more && !awaits_answer_ && !ended_) {
    http::ParserEvent event = parser_.next();
    if (auto* request = std::get_if<http::Request>(&event)) {
      serve(std::move(*request));
    } else if (const auto* refusal = std::get_if<http::Refusal>(&event)) {
      refuse_unreadable(*refusal);
    } else if (std::holds_alternative<http::ExpectsContinue>(event)) {
      outbox_.pending() += "HTTP/1.1 100 Continue\r\n\r\n";
    } else {
      more = false;
    }
  }
  serving_ = false;
  if (awaits_answer_ && !std::exchange(paused_, true)) outbox_.pause_reading(true);
}

void RestSession::serve(http::Request request) {
  const std::string method = effective_method(request);
  Exchange exchange;
  exchange.operation = shown(method + " " + request.target.substr(0, request.target.find('?')));
  exchange.minor_version = request.minor_version;
  exchange.keep_alive = request.keep_alive;
  exchange.is_head = request.method == "HEAD";
  begin(std::move(exchange));

  std::optional<http::Target> target = http::parse_target(request.target);
  if (!target) return refuse({ErrorCode::GenericBadRequest, "BadRequest", "the request target cannot be read", {}});

  const hub::Result<hub::Hub*> hub = find_hub(request, *target);
  if (!hub) return refuse(hub.error());
  if (hub_ == nullptr) {
    hub_ = *hub;
    exchange_.tracking = new_tracking();  // by this hub's clock from here on
  }

  if (method == "GET" && is_websocket_path(target->segments)) return open_websocket(request);

  RouteMatch match = find_route(table_, method, target->segments);
  if (match.route == nullptr) {
    if (match.allowed.empty()) return refuse({ErrorCode::GenericNotFound, "NotFound", "there is no such path", {}});
    const HubError not_allowed{
        ErrorCode::GenericMethodNotAllowed, "MethodNotAllowed", "the path knows " + match.allowed, {}};
    return refuse(http_status(not_allowed.code), not_allowed, {{"Allow", match.allowed}});
  }
  if (match.route->operation == nullptr) return refuse(hub::not_implemented(std::string(match.route->name)));
  exchange_.errors = match.route->errors;
  exchange_.operation = std::string(match.route->name) + " (" + exchange_.operation + ")";

  if (const auto dated = check_api_version(*target); !dated) return refuse(dated.error());
  const std::string_view authorization = http::find(request.headers, "Authorization").value_or("");
  std::optional<hub::DevicePrincipal> device;
  if (match.route->is_for_device()) {
    auto proved = hub_->auth().authorize_device_request({match.ids.at(0)}, {authorization, certificate()});
    if (!proved) return refuse(proved.error());
    device = std::move(*proved);
  } else {
    const auto allowed = hub_->auth().authorize_service(authorization, target->path(), match.route->needed);
    if (!allowed) return refuse(allowed.error());
  }

  Responder& responder = *this;
  call_ = std::make_shared<Call>(*hub_, std::move(request), std::move(*target), std::move(match.ids), responder,
                                 std::move(device));
  const std::shared_ptr<Call> call = call_;
  match.route->operation(*call);
  // Held by this session and this function only: nobody is left to answer.
  if (call_ == call && call.use_count() == 2) {
    throw std::logic_error(std::string(match.route->name) + " neither answered its call nor kept it");
  }
}

void RestSession::open_websocket(const http::Request& request) {
  const auto read = websocket::read_opening(request);
  if (const auto* refusal = std::get_if<websocket::Refusal>(&read)) {
    const HubError error{ErrorCode::GenericBadRequest, "BadRequest", refusal->reason, {}};
    if (refusal->status != 426) return refuse(refusal->status, error, {});
    return refuse(426, error, {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}});
  }
  const auto& opening = std::get<websocket::Opening>(read);
  const auto chosen = choose_sub_protocol(opening.sub_protocols);
  if (!chosen) {
    return refuse(
        {ErrorCode::GenericBadRequest,
         "BadRequest",
         "the WebSocket asks for sub-protocol '" + joined(opening.sub_protocols) + "', not for mqtt or AMQPWSB10",
         {}});
  }
  spdlog::debug("{}: {}: WebSocket with {}", peer_.connection_id, exchange_.operation, chosen->second);
  outbox_.pending() += websocket::accept(opening, chosen->second);
  awaits_answer_ = false;
  ended_ = true;
  outbox_.become_websocket(chosen->first, parser_.take_unread());
}

void RestSession::refuse_unreadable(const http::Refusal& refusal) {
  Exchange exchange;
  exchange.operation = "unreadable request";
  exchange.keep_alive = false;
  begin(std::move(exchange));
  refuse(refusal.status, unreadable(refusal), {});
}

hub::Result<hub::Hub*> RestSession::find_hub(const http::Request& request, const http::Target& target) const {
  const std::string said(target.authority.empty() ? http::find(request.headers, "Host").value_or("")
                                                  : target.authority);
  hub::Hub* found = nullptr;
  if (!said.empty()) {
    found = environment_.hubs.find(said);
  } else if (!environment_.hubs.all().empty()) {
    found = environment_.hubs.all().front();
  }
  if (found == nullptr) {
    return HubError{ErrorCode::IotHubMisdirected,
                    "Misdirected Request",
                    "no hub is named '" + said + "'; --host-name gives the hub that name",
                    {}};
  }
  if (hub_ != nullptr && hub_ != found) {
    return HubError{ErrorCode::IotHubMisdirected,
                    "Misdirected Request",
                    "'" + said + "' is another hub than " + hub_->host_name() + ", which this connection speaks to",
                    {}};
  }
  return found;
}

// ---- answers out --------------------------------------------------------------------------------------------------

void RestSession::begin(Exchange exchange) {
  exchange_ = std::move(exchange);
  exchange_.tracking = new_tracking();
  awaits_answer_ = true;
}

void RestSession::answer(http::Response response) {
  spdlog::debug("{}: {}: {}", peer_.connection_id, exchange_.operation, response.status);
  send(std::move(response));
}

void RestSession::refuse(const HubError& error) {
  refuse(http_status(error.code), error, {});
}

void RestSession::refuse(int status, const HubError& error, http::Headers headers) {
  const auto level = error.code == ErrorCode::NotImplemented ? spdlog::level::warn : spdlog::level::info;
  spdlog::log(level, "{}: {} refused: {} {}: {}", peer_.connection_id, exchange_.operation, status, name_of(error.code),
              shown(said(error)));
  headers.push_back({"iothub-errorcode", std::string(name_of(error.code))});
  send({status, std::move(headers), error_body(exchange_.errors, error, exchange_.tracking)});
}

void RestSession::send(http::Response response) {
  call_.reset();
  awaits_answer_ = false;
  response.to_head = exchange_.is_head;
  if (!response.body.empty() && !http::find(response.headers, "Content-Type")) {
    response.headers.insert(response.headers.begin(), {"Content-Type", "application/json; charset=utf-8"});
  }
  response.headers.push_back({"Vary", "Origin"});
  response.headers.push_back({"Server", "Microsoft-HTTPAPI/2.0"});
  response.headers.push_back({"x-ms-request-id", exchange_.tracking.guid()});
  response.headers.push_back({"Date", http::http_date(environment_.wall_clock.now())});
  if (exchange_.keep_alive && exchange_.minor_version == 0) response.headers.push_back({"Connection", "keep-alive"});
  http::serialize(response, exchange_.keep_alive, outbox_.pending());

  if (!exchange_.keep_alive) return end("answered the last request");
  if (serving_) return;
  // A late answer may come from inside a hub call, where the next request must not run.
  resume_.set(std::chrono::milliseconds{0}, [this] { serve_requests(); });
  if (std::exchange(paused_, false)) outbox_.pause_reading(false);
}

void RestSession::end(std::string_view reason) {
  ended_ = true;
  resume_.cancel();
  outbox_.close(reason);
}

void RestSession::closed(std::string_view) {
  ended_ = true;
  resume_.cancel();
  drop_call();
}

void RestSession::commit_failed() {
  drop_call();
  serving_ = false;  // a storage::Error may have left serve_requests() by force
  if (exchange_.tracking.id.empty()) exchange_.tracking = new_tracking();
  exchange_.keep_alive = false;
  refuse({ErrorCode::ServerError, "ServerError", "the write could not be stored; the line above says why", {}});
}

void RestSession::drop_call() {
  if (call_) call_->abandon();
  call_.reset();
}

Tracking RestSession::new_tracking() const {
  hub::Hub* const hub = hub_ == nullptr && !environment_.hubs.all().empty() ? environment_.hubs.all().front() : hub_;
  if (hub == nullptr) return {std::string(32, '0'), environment_.wall_clock.now()};
  return {hub->new_tracking_id(), hub->clock().now()};
}

}  // namespace iothub::heads::rest
