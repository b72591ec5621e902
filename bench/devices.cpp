#include "bench/devices.h"

#include "bench/measured.h"

namespace iothub::bench {
namespace {

constexpr std::size_t kHandshakesAtOnce = 32;

}  // namespace

void open_all(EventLoop& loop, std::size_t count, const std::function<void(std::size_t)>& open,
              const std::function<std::size_t()>& count_up) {
  std::size_t opened = 0;
  const auto all_up = [&] {
    while (opened < count && opened - count_up() < kHandshakesAtOnce) open(opened++);
    return count_up() == count;
  };
  loop.run_until(all_up, kLimit, "devices connect");
}

Devices connect_devices(EventLoop& loop, const Target& target, const Endpoint& endpoint, std::size_t count,
                        const Filter& filter) {
  Devices devices;
  std::size_t up = 0;
  for (std::size_t i = 0; i < count; ++i) {
    devices.push_back(std::make_unique<MqttClient>(loop, endpoint, [&target, i] { return target.credentials(i); }));
    MqttClient& device = *devices.back();
    device.on_connected = [&, i] {
      if (filter) {
        device.subscribe(filter(i));
      } else {
        ++up;
      }
    };
    device.on_subscribed = [&up] { ++up; };
  }
  open_all(
      loop, count, [&devices](std::size_t i) { devices[i]->open(); }, [&up] { return up; });
  for (auto& device : devices) device->on_connected = device->on_subscribed = nullptr;  // they refer to this function
  return devices;
}

}  // namespace iothub::bench
