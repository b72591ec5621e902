#pragma once
/// A route endpoint that is another MQTT broker: one PUBLISH with QoS 1 an event, which its PUBACK takes. There is a
/// connection for each delivery, so that none has to be kept alive while no event comes.
#include "emulator/app/worker_courier.h"

namespace iothub::app {

/// The topic with `{deviceId}`, `{moduleId}` (empty for a device) and `{source}` filled in; what a topic's level cannot
/// hold (`/`, `+`, `#`) and `%` are percent-encoded.
std::string bridge_topic(const std::string& pattern, const storage::EventRow& event);

class MqttBridge final : public BlockingCourier {
 public:
  explicit MqttBridge(hub::routing::MqttSettings settings);
  hub::routing::Delivery deliver(const std::vector<storage::EventRow>& events, std::stop_token stop) override;

 private:
  const hub::routing::MqttSettings settings_;
};

}  // namespace iothub::app
