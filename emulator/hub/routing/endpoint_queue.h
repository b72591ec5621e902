#pragma once
/// The way to an endpoint outside: its events wait in the store, in the transaction that took them in, and leave in
/// their order, some at a time. Nothing is lost while it does not answer, nor over a restart; what was under way then
/// is sent again. Events past the retention time are given up.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/routing/routing.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub::routing {

struct Delivery {
  std::size_t count = 0;  ///< how many of the events have arrived, the first ones
  std::string failure;    ///< why the next one has not; empty: all have
};

/// Takes events to one endpoint; app has one for each kind.
class Courier {
 public:
  virtual ~Courier() = default;
  /// Calls `done` later, once, on the hub's thread and not from here. After the courier's destruction it does not. One
  /// delivery at a time.
  virtual void deliver(std::vector<storage::EventRow> events, std::function<void(Delivery)> done) = 0;
};

class EndpointQueue final : public RouteEndpoint {
 public:
  static constexpr std::int64_t kEventsAtOnce = 100;
  static constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20U;
  static constexpr std::chrono::milliseconds kFirstRetry{1'000};  ///< doubled by each further failure
  static constexpr std::chrono::milliseconds kLongestRetry{60'000};

  /// What an earlier process left is sent, too.
  EndpointQueue(std::string name, storage::Store& store, Scheduler& scheduler, std::unique_ptr<Courier> courier);

  void send(const storage::EventRow& event) override;

 private:
  void wake();
  void send_next();
  void delivered(const std::vector<std::int64_t>& places, const Delivery& delivery);

  const std::string name_;
  storage::Store& store_;
  Timer timer_;
  std::chrono::milliseconds retry_{0};  ///< 0: the endpoint answers
  bool under_way_ = false;
  std::unique_ptr<Courier> courier_;  ///< last: its end comes before that of what it calls
};

}  // namespace iothub::hub::routing
