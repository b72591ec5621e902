#pragma once
/// Delivers to an endpoint of routes that blocks: on a thread of the endpoint's own, so that one that hangs holds up
/// neither the hub nor another endpoint.
#include <memory>
#include <stop_token>
#include <vector>

#include "emulator/hub/routing/endpoint_queue.h"
#include "emulator/net/worker.h"

namespace iothub::app {

/// Called by that thread alone.
class BlockingCourier {
 public:
  virtual ~BlockingCourier() = default;
  /// Takes the events to the endpoint in their order; returns early when `stop` asks for it.
  virtual hub::routing::Delivery deliver(const std::vector<storage::EventRow>& events, std::stop_token stop) = 0;
};

class WorkerCourier final : public hub::routing::Courier {
 public:
  /// The loop must outlive the courier.
  WorkerCourier(net::EventLoop& loop, std::unique_ptr<BlockingCourier> courier);

  void deliver(std::vector<storage::EventRow> events, std::function<void(hub::routing::Delivery)> done) override;

 private:
  std::unique_ptr<BlockingCourier> courier_;
  /// What the worker posted may come after this courier's end.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  net::Worker worker_;  ///< last: its jobs use the courier
};

}  // namespace iothub::app
