#pragma once
/// Devices that are none: each a real MQTT connection by libmosquitto, all driven by one thread.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/simulate/device_template.h"

namespace iothub::simulate {

struct SimulationOptions {
  std::string host;     ///< the hub's own name, as it stands in user names
  std::string address;  ///< where it is reached
  std::uint16_t port = 8883;
  std::filesystem::path ca_file;
  std::vector<std::string> devices;
  /// A SharedAccessSignature for the device, made when it connects.
  std::function<std::string(const std::string& device_id)> password;
  double rate = 1;                            ///< telemetry messages a second, of all devices together
  std::chrono::duration<double> duration{0};  ///< 0: until `stop`
};

struct Progress {
  std::chrono::duration<double> elapsed{0};
  std::size_t connected = 0;
  std::uint64_t sent = 0;          ///< telemetry
  std::uint64_t acknowledged = 0;  ///< by PUBACK
  std::uint64_t reported = 0;
  std::uint64_t desired = 0;  ///< patches received
  std::uint64_t methods = 0;
  std::uint64_t messages = 0;  ///< cloud-to-device
  std::uint64_t refused = 0;   ///< connections, and reported properties that the hub did not take
  std::uint64_t lost = 0;      ///< connections that ended unasked
};

class Simulation {
 public:
  Simulation(DeviceTemplate device_template, SimulationOptions options);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  /// Runs to the end of the duration or until `stop` is true; messages in flight are waited for (5 s at most).
  /// `show` is called each second. Throws std::runtime_error when libmosquitto cannot work.
  Progress run(const std::atomic<bool>& stop, const std::function<void(const Progress&)>& show);

 private:
  struct Shared;
  class Device;

  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Device>> devices_;
};

}  // namespace iothub::simulate
