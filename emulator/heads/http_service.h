#pragma once
/// The emulator's own HTTP requests (`/_emulator/...`, and the pages of the portal's port), which the hub's REST
/// session hands over: between heads/rest, which reads and writes HTTP, and heads/control, which answers.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/heads/session.h"
#include "emulator/hub/errors.h"
#include "protocol/http/request_parser.h"
#include "protocol/http/response.h"
#include "protocol/http/url.h"

namespace iothub::heads {

/// One request on its way to its answer: answered once, at once or later by who keeps shared_from_this(). What is
/// written to a client that is gone goes nowhere.
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
 public:
  /// The session, which writes.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual void write_answer(http::Response response) = 0;
    /// A body without a length, which ends with the connection.
    virtual void begin_stream(const http::Response& head) = 0;
    virtual void write_stream(std::string_view part) = 0;
    virtual void end_stream(std::string_view reason) = 0;
  };

  HttpExchange(http::Request asked, http::Target parsed, hub::Hub* named, const Peer& from, Writer& writer)
      : request(std::move(asked)), target(std::move(parsed)), hub(named), peer(from), writer_(&writer) {}
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  const http::Request request;
  const http::Target target;
  hub::Hub* const hub;  ///< that Host names; null: none has that name
  const Peer& peer;     ///< valid until is_gone()

  void answer(http::Response response) {
    if (Writer* writer = std::exchange(writer_, nullptr)) writer->write_answer(std::move(response));
  }

  void begin_stream(const http::Response& head) {
    if (writer_ != nullptr) writer_->begin_stream(head);
  }
  void write_stream(std::string_view part) {
    if (writer_ != nullptr) writer_->write_stream(part);
  }
  void end_stream(std::string_view reason) {
    if (Writer* writer = std::exchange(writer_, nullptr)) writer->end_stream(reason);
  }

  /// `drained` is called when the client has taken all that was streamed; it writes nothing inside the call.
  void on_drained(std::function<void()> drained) { drained_ = std::move(drained); }
  /// `gone` is called when the client went before the answer.
  void on_gone(std::function<void()> gone) { gone_ = std::move(gone); }
  bool is_gone() const { return writer_ == nullptr; }

  // For the session.
  void tell_drained() {
    if (drained_) drained_();
  }
  void abandon() {
    const auto self = weak_from_this().lock();  // `gone` may drop its owner's pointer
    writer_ = nullptr;
    drained_ = nullptr;
    if (const auto gone = std::exchange(gone_, nullptr)) gone();
  }

 private:
  Writer* writer_;
  std::function<void()> drained_;
  std::function<void()> gone_;
};

class HttpService {
 public:
  virtual ~HttpService() = default;
  /// Whether who asks may do all that the control API may: then the session answers `/_emulator/service/...` as the
  /// hub's own service API, without a token of the hub.
  virtual hub::Result<void> admit(const HttpExchange& exchange) = 0;
  /// Throws storage::Error when a commit fails: the session then answers 500.
  virtual void serve(std::shared_ptr<HttpExchange> exchange) = 0;
};

}  // namespace iothub::heads
