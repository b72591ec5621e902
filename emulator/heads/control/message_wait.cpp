#include "emulator/heads/control/message_wait.h"

#include <exception>
#include <utility>

#include "emulator/heads/control/operations.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

constexpr std::int64_t kMostMessages = 1000;
constexpr std::chrono::minutes kLongestWait{10};

hub::Result<MessageWait::Query> query_of(const Request& request) {
  MessageWait::Query query;
  const auto matcher =
      MessageMatcher::from_query(request.exchange->target.query, {"hub", "token", "since", "limit", "count", "wait"});
  if (!matcher) return matcher.error();
  query.matcher = *matcher;
  const std::string* since = request.parameter("since");
  const auto from = Cursor::parse(request.hub, since == nullptr ? std::string_view("start") : *since);
  if (!from) {
    return hub::argument_invalid(
        "'since' is no `next` of an earlier answer, no time such as 2026-01-01T00:00:00Z, and "
        "neither start nor now");
  }
  query.from = *from;
  const auto limit = request.number("limit", 1, kMostMessages);
  if (!limit) return limit.error();
  query.limit = static_cast<std::size_t>(limit->value_or(100));
  const auto count = request.number("count", 1, kMostMessages);
  if (!count) return count.error();
  query.count = static_cast<std::size_t>(count->value_or(1));
  if (query.count > query.limit) query.limit = query.count;
  const auto wait = request.duration("wait");
  if (!wait) return wait.error();
  query.wait = wait->value_or(std::chrono::milliseconds{0});
  if (query.wait > kLongestWait) return hub::argument_invalid("'wait' is longer than 10 minutes");
  return query;
}

}  // namespace

MessageWait::MessageWait(const Request& request, Query query)
    : request_(request),
      query_(std::move(query)),
      look_again_(request.control.scheduler()),
      deadline_(request.control.scheduler()) {}

void MessageWait::begin() {
  const auto self = shared_from_this();
  request_.control.add(self);
  request_.exchange->on_gone([this] {
    const auto alive = shared_from_this();
    stop();
  });
  if (query_.wait.count() > 0) wait_for_more();
  look();
}

void MessageWait::wait_for_more() {
  // Real time: a frozen hub clock must not keep the caller for ever.
  deadline_.set(query_.wait, [this] {
    const auto alive = shared_from_this();
    if (search_) take_found();
    answer(true);
  });
  appended_ = request_.hub.events().on_appended([this](int) {
    came_ = true;
    look_soon();
  });
}

void MessageWait::look_soon() {
  if (look_again_.is_set()) return;
  look_again_.set(std::chrono::milliseconds{0}, [this] {
    const auto alive = shared_from_this();
    look();
  });
}

void MessageWait::look() {
  if (!search_) {
    came_ = false;
    search_.emplace(request_.hub, query_.matcher, query_.from, query_.limit - messages_.size());
  }
  try {
    if (!search_->step()) return look_soon();
    take_found();
  } catch (const std::exception&) {
    // Who runs the slices logs it; the client would wait for ever.
    stop();
    request_.exchange->answer(
        error_response({hub::ErrorCode::ServerError, "the messages cannot be read; the log says why", {}, {}}));
    throw;
  }
  if (query_.wait.count() == 0 || messages_.size() >= query_.count) return answer(false);
  if (!at_end_ || came_) look_soon();
}

void MessageWait::take_found() {
  at_end_ = search_->take(messages_);
  query_.from = search_->cursor();
  search_.reset();
}

void MessageWait::answer(bool timed_out) {
  stop();
  Json body;
  body["messages"] = std::move(messages_);
  body["next"] = query_.from.text();
  body["complete"] = at_end_;
  if (query_.wait.count() > 0) body["timedOut"] = timed_out;
  request_.answer(body);
}

void MessageWait::stop() {
  appended_.stop();
  look_again_.cancel();
  deadline_.cancel();
  request_.exchange->on_gone(nullptr);
  request_.control.remove(shared_from_this());
}

void MessageWait::end(std::string_view reason) {
  const auto self = shared_from_this();
  stop();
  request_.exchange->answer(error_response({hub::ErrorCode::GenericNotFound, std::string(reason), {}, {}}));
}

void get_messages(const Request& request) {
  hub::Result<MessageWait::Query> query = query_of(request);
  if (!query) return request.refuse(query.error());
  std::make_shared<MessageWait>(request, std::move(*query))->begin();
}

}  // namespace iothub::heads::control
