#pragma once
/// One HTTP connection of a service client or a device (documentation: IoT Hub REST API; rest.md 1 and 3).
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emulator/heads/http_service.h"
#include "emulator/heads/rest/blob/blob_request.h"
#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/error_body.h"
#include "emulator/heads/rest/meters.h"
#include "emulator/heads/rest/routes.h"
#include "emulator/heads/session.h"
#include "protocol/http/body.h"
#include "protocol/http/request_parser.h"
#include "protocol/http/response.h"
#include "protocol/http/url.h"

namespace iothub::hub {
struct FaultRule;
}

namespace iothub::heads::rest {

/// Over any legal body: a bulk of 100 devices is the largest.
inline constexpr std::size_t kMaxBodyBytes = 2 * 1024 * 1024;
/// A body that may be longer is kept only if the request's header already proves who sends it.
inline constexpr std::size_t kMaxBodyOfStranger = std::size_t{16} * 1024;

/// A request is to be whole this long after its first byte; else 408. Of a blob, whose body may be long, this long
/// after the last byte that came.
inline constexpr std::chrono::seconds kRequestTime{30};
/// Requests of one client that are served before others have their turn; of a stranger it is one.
inline constexpr int kRequestsAtOnce = 16;
/// Nor are more served once this much of their answers waits: the rest come when the client has taken it.
inline constexpr std::size_t kAnsweredAtOnce = std::size_t{16} * 1024;
/// While an operation takes its time, this much more is taken from the client: enough to see it go.
inline constexpr std::size_t kMostUnread = std::size_t{16} * 1024;

/// Answers one request after the other, in their order. Checks in this order: host, route, api-version, authorization,
/// throttle, body, then what the hub says. Each refusal is one line in the log.
///
/// The first request that names a hub binds the connection to it: its commit decides about the answers. A later request
/// for another hub is misdirected (421), and its client comes back on a connection of its own.
class RestSession final : public Session, public HttpExchange::Writer, private Responder, private BlobResponder {
 public:
  /// Environment, outbox and table must outlive the session.
  RestSession(const SessionEnvironment& environment, Peer peer, Outbox& outbox,
              std::span<const Route> table = routes());
  RestSession(const RestSession&) = delete;
  RestSession& operator=(const RestSession&) = delete;
  ~RestSession() override;

  std::size_t most_at_once() const override { return stranger_ ? kReadOfStranger : Session::most_at_once(); }
  void receive(std::span<const std::byte> bytes) override;
  void closed(std::string_view reason) override;
  /// One 500 stands for all that was dropped, then the connection closes: HTTP answers in order, so the client knows
  /// that nothing after it was answered.
  void commit_failed() override;
  void written() override;
  /// A client that ends its side still gets the answers of what it sent, but a direct method is cancelled: nobody can
  /// tell whether the client still waits for it.
  bool finishes_alone() override;
  bool is_at_work() const override { return awaits_answer_ || resting_; }
  hub::Hub* hub() const override { return hub_; }

 private:
  /// What the answer needs to know of the request it belongs to.
  struct Exchange {
    Tracking tracking;
    std::string operation;  ///< for the log
    std::string who{};      ///< the device that the path names
    ErrorForm errors = ErrorForm::a;
    std::optional<Meter> meter;
    std::size_t request_bytes = 0;
    int minor_version = 1;
    bool keep_alive = true;
    bool is_head = false;
  };

  void serve_requests();
  void watch_request();
  void bound_reading();
  bool body_may_last() const { return body_may_last_ && parser_.fills_sink(); }
  void refuse_late();
  /// Of a blob the body goes where it belongs as it arrives.
  http::BodyPlan plan_body(const http::Request& header);
  /// Whether the one who asks may do what he asks for, by the header alone.
  bool is_welcome(const http::Request& header, const http::Target& target);
  void serve(http::Request request, bool with_faults = true);
  /// Whether the request goes on under this rule of the control API; false: it was answered, held or lost.
  bool survives(const hub::FaultRule& rule, http::Request& request);
  void serve_own(http::Request request, http::Target target);
  hub::Result<void> admit_by_control(const http::Request& request, const http::Target& target, hub::Hub* hub);
  void open_websocket(const http::Request& request);
  void refuse_unreadable(const http::Refusal& refusal);
  hub::Result<hub::Hub*> find_hub(const http::Request& request, const http::Target& target) const;
  const hub::ClientCertificate* certificate() const { return peer_.certificate ? &*peer_.certificate : nullptr; }
  void begin(Exchange exchange);

  void answer(http::Response response) override;
  void refuse(const hub::HubError& error) override;
  void refuse(int status, const hub::HubError& error, http::Headers headers);
  void answer_blob(http::Response response, std::unique_ptr<http::BodySource> body) override;
  void send(http::Response response);
  void send_body();
  void break_off(std::string_view reason);
  void finish_answer();
  void end(std::string_view reason);
  void drop_call();

  void write_answer(http::Response response) override;
  void begin_stream(const http::Response& head) override;
  void write_stream(std::string_view part) override;
  void end_stream(std::string_view reason) override;
  Tracking new_tracking() const;

  const SessionEnvironment& environment_;
  const Peer peer_;
  Outbox& outbox_;
  const std::span<const Route> table_;
  hub::Hub* hub_ = nullptr;
  http::RequestParser parser_;
  Exchange exchange_;
  std::shared_ptr<Call> call_;                 ///< the operation at work
  std::shared_ptr<BlobRequest> blob_request_;  ///< from its header on
  std::unique_ptr<http::BodySource> body_;     ///< the rest of the answer that is being sent
  std::shared_ptr<HttpExchange> own_;          ///< a request for the emulator itself
  hub::Timer resume_;  ///< the next pipelined request, after an answer that came late or that was taken; more of body_
  hub::Timer request_deadline_;
  bool stranger_ = true;  ///< no request of this connection was one that its sender may make
  bool awaits_answer_ = false;
  bool streaming_ = false;          ///< own_ is answered by a stream, with which the connection ends
  bool serving_ = false;            ///< serve_requests() is on the stack
  bool resting_ = false;            ///< the next request is served later: by resume_, which written() may have to set
  bool request_late_soon_ = false;  ///< request_deadline_ is set
  bool body_may_last_ = false;      ///< of the request that is being read: a blob's, from one who may write it
  bool body_is_lost_ = false;       ///< of the request that is being read: its sender had not proved who he is
  bool paused_ = false;
  bool peer_ended_ = false;
  bool ended_ = false;
};

}  // namespace iothub::heads::rest
