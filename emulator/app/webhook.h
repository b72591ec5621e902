#pragma once
/// A route endpoint that is an HTTP server: one POST an event, the document of a file endpoint as its body. An answer
/// of 2xx takes the event; every other one, and none, leaves it and those behind it for later.
#include "emulator/app/worker_courier.h"

namespace iothub::app {

class Webhook final : public BlockingCourier {
 public:
  explicit Webhook(hub::routing::WebhookSettings settings);
  hub::routing::Delivery deliver(const std::vector<storage::EventRow>& events, std::stop_token stop) override;

 private:
  const hub::routing::WebhookSettings settings_;
};

}  // namespace iothub::app
