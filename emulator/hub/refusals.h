#pragma once
/// The last refusals of a hub, of devices and services, with their reasons: what the control API's `explain` tells.
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"

namespace iothub::hub {

class Observers;

struct Refusal {
  Timestamp time;
  std::string protocol;   ///< `http`, `mqtt`, `amqp`
  std::string who;        ///< a device, `device/module`, or empty: a service, or nobody knows
  std::string operation;  ///< in the head's words
  int code = 0;           ///< the service's error code, 0 where the protocol has another
  std::string message;    ///< what the caller was told
  std::string reason;     ///< why, as the log says it
  std::string hint;       ///< what to do about it; empty where there is nothing to say
};

/// What a user can do about an error of this code; empty where the reason says it all.
std::string_view hint_of(ErrorCode code);

class Refusals {
 public:
  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kLongestText = 1000;  ///< of each text, in bytes

  Refusals(const Clock& clock, Observers& observers) : clock_(clock), observers_(observers) {}

  void note(std::string_view protocol, std::string_view who, std::string_view operation, const HubError& error);
  /// One without an error code of the service, as CONNACK 5.
  void note(std::string_view protocol, std::string_view who, std::string_view operation, std::string_view reason);

  /// Oldest first.
  const std::deque<Refusal>& all() const { return refusals_; }
  void clear() { refusals_.clear(); }

 private:
  void keep(Refusal refusal);

  const Clock& clock_;
  Observers& observers_;
  std::deque<Refusal> refusals_;
};

}  // namespace iothub::hub
