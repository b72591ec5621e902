#include "emulator/app/worker_courier.h"

#include <utility>

namespace iothub::app {

using hub::routing::Delivery;

WorkerCourier::WorkerCourier(net::EventLoop& loop, std::unique_ptr<BlockingCourier> courier)
    : courier_(std::move(courier)), worker_(loop) {}

void WorkerCourier::deliver(std::vector<storage::EventRow> events, std::function<void(Delivery)> done) {
  auto delivery = std::make_shared<Delivery>();
  worker_.post(
      [this, delivery, events = std::move(events)] { *delivery = courier_->deliver(events, worker_.stopping()); },
      [delivery, done = std::move(done), alive = std::weak_ptr<bool>(alive_)](const std::exception_ptr& failure) {
        if (alive.expired()) return;
        try {
          if (failure) std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          *delivery = {0, error.what()};
        }
        done(*delivery);
      });
}

}  // namespace iothub::app
