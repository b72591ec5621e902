#pragma once
/// One request on its way through the hub to its answer.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"
#include "protocol/http/request_parser.h"
#include "protocol/http/response.h"
#include "protocol/http/url.h"

namespace iothub::heads::rest {

/// The api-version since which twins have a `modelId`, and import and export jobs do not name their containers any
/// more: both were recorded otherwise at 2020-03-13 and probed so at 2021-04-12; model ids came with
/// 2020-05-31-preview.
inline constexpr std::string_view kPlugAndPlay = "2020-05-31";

/// Who writes a call's answer: the session.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void answer(http::Response response) = 0;
  virtual void refuse(const hub::HubError& error) = 0;
};

/// An operation answers its call once, at once or later: then it keeps shared_from_this(). An answer to a client that
/// is gone, and a second answer, go nowhere.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(hub::Hub& hub, http::Request request, http::Target target, std::vector<std::string> ids, Responder& responder,
       std::optional<hub::DevicePrincipal> device = {});
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  hub::Hub& hub() const { return hub_; }
  const http::Request& request() const { return request_; }
  const http::Target& target() const { return target_; }

  /// What the path's n-th placeholder took, from 0.
  const std::string& id(std::size_t n) const { return ids_.at(n); }
  /// The device the path names, and the module where it names one.
  hub::Identity identity() const;
  /// Who calls; on a device's routes only.
  const hub::DevicePrincipal& device() const { return device_.value(); }
  hub::IfMatch if_match() const;
  /// Whether the request asks for the service as it was before this api-version, a date such as "2020-09-30".
  bool is_older_than(std::string_view api_version) const;
  /// Refuses (400004) an empty body and one that is not JSON.
  hub::Result<hub::Json> json_body() const;

  void answer(const hub::Json& body, http::Headers headers = {}, int status = 200);
  /// The body as it is; its type is among the headers.
  void answer_bytes(std::string body, http::Headers headers) { respond({200, std::move(headers), std::move(body)}); }
  void answer_empty(int status, http::Headers headers = {});
  void answer_no_content() { answer_empty(204); }
  /// Without content when it was done, else the refusal.
  void answer_done(const hub::Result<void>& done);
  void refuse(const hub::HubError& error);
  /// The client is gone: answers go nowhere from here on, and what on_abandon() was given runs.
  void abandon();
  bool waits_for_others() const { return stop_ != nullptr; }
  bool is_abandoned() const { return responder_ == nullptr; }
  /// For an operation that waits for somebody else: what it waits for is of no use without the client.
  void on_abandon(std::function<void()> stop) { stop_ = std::move(stop); }

 private:
  void respond(http::Response response);

  hub::Hub& hub_;
  http::Request request_;
  http::Target target_;
  std::vector<std::string> ids_;
  std::optional<hub::DevicePrincipal> device_;
  Responder* responder_;
  std::function<void()> stop_;
};

}  // namespace iothub::heads::rest
