#pragma once
/// Devices over MQTT that are up.
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/connection.h"
#include "bench/mqtt_client.h"
#include "bench/target.h"

namespace iothub::bench {

using Devices = std::vector<std::unique_ptr<MqttClient>>;

/// What a device subscribes to.
using Filter = std::function<std::string(std::size_t device)>;

/// Connected, and subscribed where a filter is given; a device that is lost from now on throws.
Devices connect_devices(EventLoop& loop, const Target& target, const Endpoint& endpoint, std::size_t count,
                        const Filter& filter = nullptr);

/// Opens connections 0 to `count` - 1, few at once, until `count_up()` says that all are up.
void open_all(EventLoop& loop, std::size_t count, const std::function<void(std::size_t)>& open,
              const std::function<std::size_t()>& count_up);

}  // namespace iothub::bench
