#pragma once
/// A hub's own time: the machine's, until somebody freezes, advances or sets it. Everything the hub waits for moves
/// with it: expiry and locks of cloud-to-device messages, time-outs of methods, starts of jobs, retention. Connections
/// (keep-alive, handshakes) and certificates stay with real time.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "emulator/hub/clock.h"

namespace iothub::hub {

class VirtualTime final : public Clock, public Scheduler {
 public:
  /// Beyond so many timers one advance() takes the rest in one step.
  static constexpr int kMostTimersInOrder = 100'000;

  /// Both outlive it.
  VirtualTime(const Clock& wall, Scheduler& real);
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;
  ~VirtualTime() override;

  Timestamp now() const override;
  /// What is due at once runs soon also while time is frozen: it waits for nothing.
  TimerId after(std::chrono::milliseconds delay, std::function<void()> action) override;
  void cancel(TimerId id) override;

  bool is_frozen() const { return frozen_at_.has_value(); }
  void freeze();
  /// Time runs on from where it is.
  void resume();
  /// Moves time on. What becomes due runs now, in its order, each at its own time; never backwards.
  void advance(std::chrono::milliseconds by);
  /// Forward as advance(); backward moves the time alone, and what waits keeps its rest.
  void set(Timestamp time);
  /// The machine's time again, running; what waits keeps its rest.
  void follow_wall();
  /// How far it is from the machine's time.
  std::chrono::milliseconds offset() const;

  /// What tokens are judged by: the machine's time, unless rule_sas_expiry() says that this time does.
  const Clock& sas_clock() const { return sas_clock_; }
  void rule_sas_expiry(bool rules) { rules_sas_expiry_ = rules; }
  bool rules_sas_expiry() const { return rules_sas_expiry_; }

 private:
  struct Waiting {
    Timestamp due;
    std::function<void()> action;
    std::optional<TimerId> real{};
  };
  class SasClock final : public Clock {
   public:
    explicit SasClock(const VirtualTime& time) : time_(time) {}
    Timestamp now() const override { return time_.rules_sas_expiry_ ? time_.now() : time_.wall_.now(); }

   private:
    const VirtualTime& time_;
  };

  using Place = std::pair<std::int64_t, TimerId>;  ///< due, then in the order of adding
  void fire(TimerId id);
  void run_due(Timestamp until);
  void move_to(Timestamp time);
  void disarm(Waiting& waiting);
  void arm_all();

  const Clock& wall_;
  Scheduler& real_;
  SasClock sas_clock_{*this};
  std::optional<Timestamp> frozen_at_;
  std::int64_t offset_ticks_ = 0;  ///< while it runs
  std::unordered_map<TimerId, Waiting> waiting_;
  std::map<Place, TimerId> order_;
  TimerId last_id_ = 0;
  bool rules_sas_expiry_ = false;
};

}  // namespace iothub::hub
