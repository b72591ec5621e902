#pragma once
/// A request whose work takes longer than others may wait: it is done in slices (hub/slice.h), then answered.
#include <functional>
#include <memory>
#include <string_view>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/request.h"

namespace iothub::heads::control {

class SlicedWork final : public Waiter, public std::enable_shared_from_this<SlicedWork> {
 public:
  /// `step` does a slice and is true when it was the last one; `answer` is asked once after that.
  SlicedWork(const Request& request, std::function<bool()> step, std::function<hub::Json()> answer);

  void begin();
  const hub::Hub& hub() const override { return request_.hub; }
  void end(std::string_view reason) override;

 private:
  void run();
  void stop();

  Request request_;
  std::function<bool()> step_;
  std::function<hub::Json()> answer_;
  hub::Timer slice_;
};

}  // namespace iothub::heads::control
