#pragma once
/// `GET messages`: answers with what matches; with `wait=30s&count=2` as soon as so many do, or with what there is when
/// the time is over.
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/message_query.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/events.h"

namespace iothub::heads::control {

class MessageWait final : public Waiter, public std::enable_shared_from_this<MessageWait> {
 public:
  struct Query {
    MessageMatcher matcher;
    Cursor from;
    std::size_t limit = 100;
    std::size_t count = 1;
    std::chrono::milliseconds wait{0};
  };
  MessageWait(const Request& request, Query query);

  /// Answers at once, or waits.
  void begin();
  const hub::Hub& hub() const override { return request_.hub; }
  void end(std::string_view reason) override;

 private:
  void wait_for_more();
  void look_soon();
  void look();
  void take_found();
  void answer(bool timed_out);
  void stop();

  Request request_;
  Query query_;
  hub::Json messages_ = hub::Json::array();
  std::optional<MessageSearch> search_;
  bool at_end_ = false;
  bool came_ = false;  ///< since the search began
  hub::Events::Listener appended_;
  hub::Timer look_again_;
  hub::Timer deadline_;
};

}  // namespace iothub::heads::control
