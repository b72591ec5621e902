#include "emulator/heads/rest/rest_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "emulator/heads/refusal.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/metrics.h"
#include "emulator/hub/refusals.h"
#include "protocol/text/ascii.h"
#include "protocol/websocket/handshake.h"

namespace iothub::heads::rest {
namespace {

constexpr std::string_view kOwnPath = "_emulator";
/// Of an answer that is sent in pieces: far under what a connection may have unsent.
constexpr std::size_t kSentAtOnce = std::size_t{256} * 1024;

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

/// The service's name for what a fault rule answers.
std::string_view fault_name(int status) {
  switch (status) {
    case 401:
      return "IotHubUnauthorizedAccess";
    case 403:
      return "IotHubQuotaExceeded";
    case 404:
      return "DeviceNotFound";
    case 412:
      return "PreconditionFailed";
    case 429:
      return "ThrottlingException";
    case 500:
      return "ServerError";
    case 503:
      return "ServiceUnavailable";
    case 504:
      return "GatewayTimeout";
    default:
      return "InjectedFault";
  }
}

/// The device a path names, for `explain`; empty where it names none.
std::string device_of(const http::Target& target) {
  const std::vector<std::string>& words = target.segments;
  if (words.size() < 2 || (words[0] != "devices" && words[0] != "twins" && words[0] != "digitaltwins")) return {};
  const bool module = words.size() > 3 && words[2] == "modules";
  return module ? words[1] + "/" + words[3] : words[1];
}

/// `/_emulator/service/...`: the service API for whom the control API admits.
bool is_service_by_control(const http::Target& target) {
  return target.segments.size() > 1 && target.segments[0] == kOwnPath && target.segments[1] == "service";
}

bool may_be_long(const http::Request& header) {
  const auto length = http::find(header.headers, "Content-Length");
  if (!length) return http::find(header.headers, "Transfer-Encoding").has_value();
  std::uint64_t bytes = 0;
  const auto [stop, error] = std::from_chars(length->data(), length->data() + length->size(), bytes);
  return error != std::errc{} || bytes > kMaxBodyOfStranger;
}

/// The emulator's own paths, and the portal's page when a browser opens the hub's address.
bool is_own(const http::Request& request, const http::Target& target) {
  if (target.segments.empty()) {
    return request.method == "GET" &&
           http::find(request.headers, "Accept").value_or("").find("text/html") != std::string_view::npos;
  }
  if (target.segments.front() == kOwnPath) return true;
  return target.segments.size() == 1 && target.segments.front().starts_with("portal-");
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
      parser_([this](const http::Request& header) { return plan_body(header); }),
      resume_(environment.scheduler),
      request_deadline_(environment.scheduler) {}

RestSession::~RestSession() {
  drop_call();
}

// ---- requests in --------------------------------------------------------------------------------------------------

void RestSession::receive(std::span<const std::byte> bytes) {
  if (ended_ || streaming_) return;  // after a stream no request is served any more
  parser_.feed(bytes);
  if (!resting_) return serve_requests();
  bound_reading();
}

void RestSession::serve_requests() {
  serving_ = true;
  resting_ = false;
  bool more = true;
  int served = 0;
  while (more && !awaits_answer_ && !ended_) {
    const int most = stranger_ ? 1 : kRequestsAtOnce;
    const bool enough = served > 0 && (outbox_.pending().size() >= kAnsweredAtOnce || served >= most);
    if (enough && parser_.has_begun()) {
      resting_ = true;  // until written(), which pending() has asked for
      break;
    }
    http::ParserEvent event = parser_.next();
    if (auto* request = std::get_if<http::Request>(&event)) {
      ++served;
      request_late_soon_ = false;
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
  if (ended_) return;
  if (peer_ended_ && (!is_at_work() || own_ || (call_ && call_->waits_for_others()))) {
    return end("the client closed the connection");
  }
  if (streaming_) return;  // its reader is read on, so that its going is seen
  watch_request();
  bound_reading();
}

/// Who sends a request byte by byte gets some time for it, and no more by sending on; a blob's body, only, may be long.
void RestSession::watch_request() {
  if (is_at_work() || !parser_.has_begun()) {
    request_late_soon_ = false;
    return request_deadline_.cancel();
  }
  if (std::exchange(request_late_soon_, true) && !body_may_last()) return;
  request_deadline_.set(kRequestTime, [this] { refuse_late(); });
}

void RestSession::bound_reading() {
  // One who is not awaited goes on when he has taken what he was answered; until then his requests can wait elsewhere.
  const bool enough = resting_ ? parser_.unread() > 0 : awaits_answer_ && parser_.unread() >= kMostUnread;
  if (enough != std::exchange(paused_, enough)) outbox_.pause_reading(enough);
}

void RestSession::refuse_late() {
  request_late_soon_ = false;
  const std::string time = std::to_string(kRequestTime.count()) + " s";
  refuse_unreadable({408, body_may_last() ? "nothing more of the body came for " + time
                                          : "the request was not whole within " + time});
}

bool RestSession::finishes_alone() {
  if (ended_ || !is_at_work() || own_ || (call_ && call_->waits_for_others())) return false;
  peer_ended_ = true;
  return true;
}

http::BodyPlan RestSession::plan_body(const http::Request& header) {
  blob_request_.reset();
  body_may_last_ = body_is_lost_ = false;
  std::optional<http::Target> target = http::parse_target(header.target);
  if (target && !peer_.portal) {
    const hub::Result<hub::Hub*> hub = find_hub(header, *target);
    if (hub && is_blob_path(**hub, *target)) {
      blob_request_ = std::make_shared<BlobRequest>(**hub, header, std::move(*target), peer_.connection_id);
      body_may_last_ = !blob_request_->is_refused();
      if (body_may_last_) stranger_ = false;
      return blob_request_->body();
    }
  }
  // His answer comes behind his body, as it would if that were read, and does not depend on it.
  if (target && may_be_long(header)) {
    body_is_lost_ = !is_welcome(header, *target);
    if (!body_is_lost_) stranger_ = false;
  }
  return {nullptr, kMaxBodyBytes, !body_is_lost_};
}

bool RestSession::is_welcome(const http::Request& header, const http::Target& target) {
  if (is_service_by_control(target) || peer_.portal || is_own(header, target)) {
    const std::string said(target.authority.empty() ? http::find(header.headers, "Host").value_or("")
                                                    : target.authority);
    return admit_by_control(header, target, environment_.hubs.find(said)).has_value();
  }
  const hub::Result<hub::Hub*> hub = find_hub(header, target);
  const RouteMatch match = find_route(table_, effective_method(header), target.segments);
  if (!hub || match.route == nullptr) return false;
  const std::string_view authorization = http::find(header.headers, "Authorization").value_or("");
  if (match.route->is_for_device()) {
    return (*hub)->auth().authorize_device_request({match.ids.at(0)}, {authorization, certificate()}).has_value();
  }
  return (*hub)->auth().authorize_service(authorization, target.path(), match.route->needed).has_value();
}

void RestSession::serve(http::Request request, bool with_faults) {
  const std::string method = effective_method(request);
  Exchange exchange;
  exchange.operation = shown(method + " " + request.target.substr(0, request.target.find('?')));
  exchange.minor_version = request.minor_version;
  exchange.keep_alive = request.keep_alive;
  exchange.is_head = request.method == "HEAD";
  begin(std::move(exchange));

  std::optional<http::Target> target = http::parse_target(request.target);
  if (!target) return refuse({ErrorCode::GenericBadRequest, "BadRequest", "the request target cannot be read", {}});

  if (body_is_lost_ && is_welcome(request, *target)) {
    return refuse(hub::unauthorized("what proves the sender became good only after the body had come"));
  }

  const bool with_control = is_service_by_control(*target);
  if (!with_control && (peer_.portal || is_own(request, *target))) {
    return serve_own(std::move(request), std::move(*target));
  }

  const hub::Result<hub::Hub*> hub = find_hub(request, *target);
  if (!hub) return refuse(hub.error());
  if (hub_ == nullptr) {
    hub_ = *hub;
    exchange_.tracking = new_tracking();  // by this hub's clock from here on
  }

  if (with_control) {
    if (const auto admitted = admit_by_control(request, *target, hub_); !admitted) {
      return refuse(http_status(admitted.error().code), admitted.error(), {{"WWW-Authenticate", "Bearer"}});
    }
    target->segments.erase(target->segments.begin(), target->segments.begin() + 2);
  } else if (blob_request_) {
    return std::shared_ptr<BlobRequest>(blob_request_)->serve(request, *this);
  } else if (method == "GET" && is_websocket_path(target->segments)) {
    return open_websocket(request);
  }

  if (target->segments.size() > 1) exchange_.who = device_of(*target);
  hub_->metrics().http_bytes_in += request.body.size();
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

  const hub::FaultRule* const fault =
      with_faults && !with_control
          ? hub_->fault_rules().strike("http", exchange_.who.substr(0, exchange_.who.find('/')), match.route->name)
          : nullptr;
  if (fault != nullptr && !survives(*fault, request)) return;

  if (const auto dated = check_api_version(*target); !dated) return refuse(dated.error());
  const std::string_view authorization = http::find(request.headers, "Authorization").value_or("");
  std::optional<hub::DevicePrincipal> device;
  if (with_control) {
    if (match.route->is_for_device()) {
      return refuse({ErrorCode::ControlForbidden, "Forbidden", "the path is a device's own, not the service's", {}});
    }
  } else if (match.route->is_for_device()) {
    auto proved = hub_->auth().authorize_device_request({match.ids.at(0)}, {authorization, certificate()});
    if (!proved) return refuse(proved.error());
    device = std::move(*proved);
  } else {
    const auto allowed = hub_->auth().authorize_service(authorization, target->path(), match.route->needed);
    if (!allowed) return refuse(allowed.error());
  }
  stranger_ = false;

  exchange_.meter = meter_of(*match.route);
  exchange_.request_bytes = request.body.size();
  if (exchange_.meter) {
    const auto admitted = hub_->throttle().admit(exchange_.meter->operation, request.body.size());
    if (!admitted) return refuse(admitted.error());
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

hub::Result<void> RestSession::admit_by_control(const http::Request& request, const http::Target& target,
                                                hub::Hub* hub) {
  if (environment_.control == nullptr) {
    return HubError{ErrorCode::GenericNotFound, "NotFound", "there is no control API here", {}};
  }
  http::Request head;  // the body has no part in it
  head.method = request.method;
  head.headers = request.headers;
  return environment_.control->admit(HttpExchange(std::move(head), target, hub, peer_, *this));
}

/// Depends on no hub's commit: the service commits what it writes before it answers.
void RestSession::serve_own(http::Request request, http::Target target) {
  if (environment_.control == nullptr) {
    return refuse({ErrorCode::GenericNotFound, "NotFound", "there is no control API here", {}});
  }
  const std::string said(target.authority.empty() ? http::find(request.headers, "Host").value_or("")
                                                  : target.authority);
  own_ =
      std::make_shared<HttpExchange>(std::move(request), std::move(target), environment_.hubs.find(said), peer_, *this);
  hub::Hub* const bound = std::exchange(hub_, nullptr);
  environment_.control->serve(own_);  // a storage::Error leaves hub_ null: whose commit failed is not known then
  hub_ = bound;
}

bool RestSession::survives(const hub::FaultRule& rule, http::Request& request) {
  using Action = hub::FaultRule::Action;
  const std::string reason = rule.reason();
  spdlog::info("{}: {}: {}", peer_.connection_id, exchange_.operation, reason);
  switch (rule.action) {
    case Action::duplicate:  // doubles telemetry over MQTT
      return true;
    case Action::delay: {
      auto held = std::make_shared<http::Request>(std::move(request));
      resume_.set(rule.delay, [this, held] { serve(std::move(*held), false); });
      return false;
    }
    case Action::drop:  // the client waits for an answer until it gives up
      return false;
    case Action::cut:
    case Action::refuse_connection:
      outbox_.abort(reason);
      end(reason);
      return false;
    case Action::throttle:
    case Action::status:
      break;
  }
  const int status = rule.answered_status();
  const std::string_view name = fault_name(status);
  hub::Json body;
  body["Message"] = "ErrorCode:" + std::string(name) + ";" + reason;
  body["ExceptionMessage"] = "Tracking ID:" + exchange_.tracking.guid();
  send({status, {{"iothub-errorcode", std::string(name)}}, hub::dump(body)});
  return false;
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
  if (exchange_.meter) charge(hub_->throttle(), *exchange_.meter, exchange_.request_bytes, response.body.size());
  send(std::move(response));
}

void RestSession::refuse(const HubError& error) {
  refuse(http_status(error.code), error, {});
}

void RestSession::refuse(int status, const HubError& error, http::Headers headers) {
  const auto level = error.code == ErrorCode::NotImplemented ? spdlog::level::warn : spdlog::level::info;
  spdlog::log(level, "{}: {} refused: {} {}: {}", peer_.connection_id, exchange_.operation, status, name_of(error.code),
              shown(said(error)));
  if (hub::Hub* const told = hub_ != nullptr ? hub_ : environment_.hubs.find_or_default({})) {
    told->refusals().note("http", exchange_.who, exchange_.operation, error);
  }
  headers.push_back({"iothub-errorcode", std::string(name_of(error.code))});
  if (status == 429) exchange_.keep_alive = false;  // recorded
  send({status, std::move(headers), error_body(exchange_.errors, error, exchange_.tracking)});
}

void RestSession::send(http::Response response) {
  call_.reset();
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
  if (hub_ != nullptr) hub_->metrics().http_answered(response.status, response.body.size());
  finish_answer();
}

void RestSession::answer_blob(http::Response response, std::unique_ptr<http::BodySource> body) {
  spdlog::debug("{}: {}: {}", peer_.connection_id, exchange_.operation, response.status);
  blob_request_.reset();
  if (exchange_.keep_alive && exchange_.minor_version == 0) response.headers.push_back({"Connection", "keep-alive"});
  response.to_head = exchange_.is_head;
  const std::uint64_t size = body ? body->remaining() : response.body.size();
  hub_->metrics().http_answered(response.status, exchange_.is_head ? 0 : size);
  if (body == nullptr) {
    http::serialize(response, exchange_.keep_alive, outbox_.pending());
    return finish_answer();
  }
  http::serialize_header(response, size, exchange_.keep_alive, outbox_.pending());
  if (exchange_.is_head) return finish_answer();
  body_ = std::move(body);
  send_body();
}

/// As much as the peer should have waiting; written() goes on.
void RestSession::send_body() {
  try {
    for (std::size_t sent = 0; body_->remaining() > 0 && sent < kSentAtOnce;) {
      std::string& out = outbox_.pending();
      const std::size_t before = out.size();
      body_->read(out, kSentAtOnce - sent);
      sent += out.size() - before;
    }
  } catch (const std::exception& error) {
    spdlog::error("{}: {}: the body cannot be sent to its end: {}", peer_.connection_id, exchange_.operation,
                  error.what());
    return break_off("the body cannot be read");
  }
  if (body_->remaining() > 0) return;
  body_.reset();
  finish_answer();
}

/// Its header is out: there is no room for a refusal.
void RestSession::break_off(std::string_view reason) {
  body_.reset();
  outbox_.abort(reason);
  end(reason);
}

void RestSession::finish_answer() {
  awaits_answer_ = false;
  if (!exchange_.keep_alive) return end("answered the last request");
  if (serving_) return;
  // A late answer may come from inside a hub call, where the next request must not run.
  resting_ = true;
  resume_.set(std::chrono::milliseconds{0}, [this] { serve_requests(); });
}

void RestSession::end(std::string_view reason) {
  ended_ = true;
  resume_.cancel();
  request_deadline_.cancel();
  outbox_.close(reason);
}

void RestSession::closed(std::string_view) {
  ended_ = true;
  resume_.cancel();
  request_deadline_.cancel();
  drop_call();
}

void RestSession::commit_failed() {
  drop_call();
  if (streaming_) return end("the storage failed in the middle of a stream");
  if (body_) return break_off("the storage failed in the middle of an answer");
  serving_ = false;  // a storage::Error may have left serve_requests() by force
  if (exchange_.tracking.id.empty()) exchange_.tracking = new_tracking();
  exchange_.keep_alive = false;
  refuse({ErrorCode::ServerError, "ServerError", "the write could not be stored; the line above says why", {}});
}

void RestSession::written() {
  if (own_) own_->tell_drained();
  if (ended_) return;
  // Nothing may be queued in here.
  if (body_) {
    resume_.set(std::chrono::milliseconds{0}, [this] { send_body(); });
  } else if (resting_) {
    resume_.set(std::chrono::milliseconds{0}, [this] { serve_requests(); });
  }
}

void RestSession::write_answer(http::Response response) {
  own_.reset();
  answer(std::move(response));
}

void RestSession::begin_stream(const http::Response& head) {
  streaming_ = true;
  exchange_.keep_alive = false;
  http::serialize_stream_head(head, outbox_.pending());
}

void RestSession::write_stream(std::string_view part) {
  outbox_.pending() += part;
}

void RestSession::end_stream(std::string_view reason) {
  own_.reset();
  end(reason);
}

void RestSession::drop_call() {
  if (const auto own = std::exchange(own_, nullptr)) own->abandon();
  if (call_) call_->abandon();
  call_.reset();
  if (blob_request_) blob_request_->abandon();
  blob_request_.reset();
}

Tracking RestSession::new_tracking() const {
  hub::Hub* const hub = hub_ == nullptr && !environment_.hubs.all().empty() ? environment_.hubs.all().front() : hub_;
  if (hub == nullptr) return {std::string(32, '0'), environment_.wall_clock.now()};
  return {hub->new_tracking_id(), hub->clock().now()};
}

}  // namespace iothub::heads::rest
