#pragma once
/// A clock that stands still until the test moves it.
#include "emulator/hub/clock.h"

namespace iothub::test {

class FakeClock final : public hub::Clock {
 public:
  /// 2026-11-22T02:33:52Z unless told.
  explicit FakeClock(Timestamp now = Timestamp::from_unix_seconds(1'795'314'832)) : now_(now) {}
  Timestamp now() const override { return now_; }
  void advance(std::int64_t seconds) { now_ = now_.plus_seconds(seconds); }
  void set(Timestamp now) { now_ = now; }

 private:
  Timestamp now_;
};

}  // namespace iothub::test
