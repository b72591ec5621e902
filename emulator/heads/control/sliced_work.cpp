#include "emulator/heads/control/sliced_work.h"

#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace iothub::heads::control {

SlicedWork::SlicedWork(const Request& request, std::function<bool()> step, std::function<hub::Json()> answer)
    : request_(request), step_(std::move(step)), answer_(std::move(answer)), slice_(request.control.scheduler()) {}

void SlicedWork::begin() {
  request_.control.add(shared_from_this());
  request_.exchange->on_gone([this] {
    const auto alive = shared_from_this();
    stop();
  });
  run();
}

void SlicedWork::run() {
  const auto alive = shared_from_this();
  try {
    if (!step_()) return slice_.set(std::chrono::milliseconds{0}, [this] { run(); });
    stop();
    request_.answer(answer_());
  } catch (const std::exception&) {
    // Who runs the slices logs it; the client would wait for ever.
    stop();
    request_.exchange->answer(
        error_response({hub::ErrorCode::ServerError, "the work failed; the log says why", {}, {}}));
    throw;
  }
}

void SlicedWork::stop() {
  slice_.cancel();
  request_.exchange->on_gone(nullptr);
  request_.control.remove(shared_from_this());
}

void SlicedWork::end(std::string_view reason) {
  const auto alive = shared_from_this();
  stop();
  request_.exchange->answer(error_response({hub::ErrorCode::GenericNotFound, std::string(reason), {}, {}}));
}

}  // namespace iothub::heads::control
