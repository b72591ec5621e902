#pragma once
/// An answer of server-sent events (WHATWG HTML, 9.2) for as long as the client reads.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/request.h"

namespace iothub::heads::control {

/// A client that reads slowly misses events, not the hub its time: what does not fit its bounded buffer is dropped, and
/// an event `gap` says how many.
class ServerSentStream : public Waiter, public std::enable_shared_from_this<ServerSentStream> {
 public:
  static constexpr std::size_t kMostWaiting = 10'000;  ///< events
  static constexpr std::size_t kMostWaitingBytes = std::size_t{4} << 20U;
  static constexpr std::size_t kMostInFlight = std::size_t{256} << 10U;  ///< given to the connection, not taken yet
  static constexpr std::chrono::seconds kHeartbeat{15};

  explicit ServerSentStream(const Request& request);

  /// Answers the request; what is sent from then on follows.
  void begin();
  const hub::Hub& hub() const override { return request_.hub; }
  void end(std::string_view reason) override;

 protected:
  const Request& request() const { return request_; }
  /// The id of the next event. Nothing: it does not fit and counts as dropped.
  std::optional<std::uint64_t> next_id();
  /// Inside any call of the hub: what is written goes out a turn later. `data` is one line.
  void send(std::uint64_t id, std::string_view name, std::string_view data);
  /// end(), once what waits is written.
  void end_soon(std::string reason);

  /// begin() has told the client that all from here on is told.
  virtual void listen() = 0;
  virtual void stop_listening() = 0;

 private:
  void pump_soon();
  void pump();
  void beat();
  void stop();

  Request request_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_ = 0;
  std::string end_reason_;  ///< not empty: ends when nothing waits
  hub::Timer pump_;
  hub::Timer heartbeat_;
};

}  // namespace iothub::heads::control
