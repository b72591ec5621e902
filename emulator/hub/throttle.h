#pragma once
/// What a hub of a chosen tier and size lets through (documentation: IoT Hub quotas and throttling; Azure IoT Hub
/// billing information). Without a size nothing is limited.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/tier.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

/// What is throttled. Reads and writes of one kind draw on the same rate.
enum class Operation : std::uint8_t {
  registry_read,
  registry_write,
  connection,
  d2c_send,
  c2d_send,
  c2d_receive,  ///< over HTTP only
  file_upload,
  direct_method,  ///< by 4 KB of its payload
  query,
  twin_read,
  twin_write,
  job_read,
  job_write,
  job_device,
  configuration_read,
  configuration_write,
};

class Throttle {
 public:
  /// Store and clock must outlive it. The count of the day goes on where the store has it.
  Throttle(std::optional<HubSize> size, std::string hub_name, storage::Store& store, const Clock& clock);
  Throttle(const Throttle&) = delete;
  Throttle& operator=(const Throttle&) = delete;

  /// Lets one operation through, or refuses it: 403010 the tier does not have it, 403002 the day's messages are used up
  /// (for what counts as messages), 429001 too many in the last minute. A rate lends a minute's worth of operations and
  /// then gives them back at its speed: the documentation's example, 200 a second where 100 are allowed, passes for a
  /// minute. `bytes` of payload count for methods only.
  Result<void> admit(Operation operation, std::size_t bytes = 0);
  /// How long an operation that can wait has to (jobs on devices); 0 has let it through.
  std::chrono::milliseconds wait_for(Operation operation);
  /// Counts what was done against the day's messages: 4 KB each, 0.5 KB in the free tier, at least one.
  void charge(std::size_t bytes);

  /// Writes the day's count where it moved: part of the turn that moved it.
  void save();
  /// After a failed commit: the count is read again.
  void forget();

 private:
  bool is_on() const { return size_.has_value(); }
  std::int64_t today() const;
  /// Ticks to wait until `amount` may pass.
  std::int64_t ticks_until(Operation operation, std::int64_t amount);
  void take(Operation operation, std::int64_t amount);

  std::optional<HubSize> size_;
  std::string hub_name_;
  storage::Store& store_;
  const Clock& clock_;
  /// By meter: when all that was lent is given back.
  std::map<std::uint8_t, std::int64_t> paid_back_;
  std::int64_t day_ = 0;
  std::int64_t messages_ = 0;
  bool unsaved_ = false;
};

}  // namespace iothub::hub
