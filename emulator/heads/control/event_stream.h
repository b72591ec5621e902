#pragma once
/// `GET events`: all that happens in a hub, as server-sent events (WHATWG HTML, 9.2) for as long as the client reads.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/observer.h"

namespace iothub::heads::control {

/// A client that reads slowly misses events, not the hub its time: what does not fit its bounded buffer is dropped, and
/// an event `gap` says how many.
class EventStream final : public Waiter, public std::enable_shared_from_this<EventStream> {
 public:
  static constexpr std::size_t kMostWaiting = 10'000;  ///< events
  static constexpr std::size_t kMostWaitingBytes = std::size_t{4} << 20U;
  static constexpr std::size_t kMostInFlight = std::size_t{256} << 10U;  ///< given to the connection, not taken yet
  static constexpr std::chrono::seconds kHeartbeat{15};

  struct Filter {
    std::optional<hub::Identity> identity;  ///< a device's with its modules', unless it names a module
    std::set<hub::Happening> what{};        ///< empty: everything
  };
  EventStream(const Request& request, Filter filter);

  void begin();
  const hub::Hub& hub() const override { return request_.hub; }
  void end(std::string_view reason) override;

 private:
  bool wants(const hub::Happened& happened) const;
  void take(const hub::Happened& happened);
  void pump_soon();
  void pump();
  void beat();
  void stop();

  Request request_;
  Filter filter_;
  hub::Observers::Listener listener_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_ = 0;
  hub::Timer pump_;
  hub::Timer heartbeat_;
};

}  // namespace iothub::heads::control
