#include "emulator/heads/rest/call.h"

#include <utility>

namespace iothub::heads::rest {

Call::Call(hub::Hub& hub, http::Request request, http::Target target, std::vector<std::string> ids,
           Responder& responder, std::optional<hub::DevicePrincipal> device)
    : hub_(hub),
      request_(std::move(request)),
      target_(std::move(target)),
      ids_(std::move(ids)),
      device_(std::move(device)),
      responder_(&responder) {}

hub::Identity Call::identity() const {
  return {{ids_.at(0)}, {ids_.size() > 1 ? ids_[1] : std::string()}};
}

hub::IfMatch Call::if_match() const {
  return hub::IfMatch::parse(http::find(request_.headers, "If-Match"));
}

bool Call::is_older_than(std::string_view api_version) const {
  const std::string* asked = target_.parameter("api-version");
  return asked != nullptr && *asked < api_version;
}

hub::Result<hub::Json> Call::json_body() const {
  if (request_.body.empty()) return hub::bad_request("the body is empty");
  return hub::parse_json(request_.body);
}

void Call::answer(const hub::Json& body, http::Headers headers, int status) {
  respond({status, std::move(headers), hub::dump(body)});
}

void Call::answer_empty(int status, http::Headers headers) {
  respond({status, std::move(headers), {}});
}

void Call::abandon() {
  responder_ = nullptr;
  if (const auto stop = std::exchange(stop_, nullptr)) stop();
}

void Call::respond(http::Response response) {
  if (Responder* responder = std::exchange(responder_, nullptr)) responder->answer(std::move(response));
}

void Call::answer_done(const hub::Result<void>& done) {
  if (!done) return refuse(done.error());
  answer_no_content();
}

void Call::refuse(const hub::HubError& error) {
  if (Responder* responder = std::exchange(responder_, nullptr)) responder->refuse(error);
}

}  // namespace iothub::heads::rest
