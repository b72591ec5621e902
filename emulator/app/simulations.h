#pragma once
/// The simulated devices that the control API has started (docs/adr/0010).
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "emulator/hub/errors.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"
#include "emulator/net/event_loop.h"
#include "emulator/simulate/device_template.h"
#include "emulator/simulate/simulation.h"

namespace iothub::app {

class Simulations {
 public:
  static constexpr std::size_t kMostRunning = 16;
  static constexpr std::size_t kMostEnded = 20;  ///< that are still listed

  struct Start {
    std::string prefix;  ///< the devices are PREFIX-1, PREFIX-2, ..
    int count = 1;
    double rate = 1;                            ///< telemetry messages a second, of all together
    std::chrono::duration<double> duration{0};  ///< 0: until it is stopped
    simulate::DeviceTemplate does{};
  };
  /// Where devices reach the hub.
  struct Endpoint {
    std::string address;
    std::uint16_t port = 0;
    std::filesystem::path ca_file;
  };

  explicit Simulations(net::EventLoop& loop) : loop_(loop) {}
  Simulations(const Simulations&) = delete;
  Simulations& operator=(const Simulations&) = delete;
  /// Ends them and waits for that. The connections have been closed before, so they do not wait for acknowledgements.
  ~Simulations();

  /// Makes the devices that are missing; those that are there keep their keys. 400004, 409 when a running simulation
  /// has devices of this prefix, 429 for too many simulations.
  hub::Result<hub::Json> start(hub::Hub& hub, const Endpoint& endpoint, Start start);
  /// Oldest first: `{"simulations":[{"id":1,"state":"running","devices":3,"connected":3,"sent":17,..}]}`
  hub::Json list(const hub::Hub& hub) const;
  /// Of a running one: its devices leave, and it is gone soon after; of an ended one: it is forgotten. 404000.
  hub::Result<void> remove(const hub::Hub& hub, std::int64_t id);
  /// Before a hub goes or begins anew.
  void stop_all(const hub::Hub& hub);

 private:
  enum class State { running, stopping, ended };
  struct Running {
    std::string hub;  ///< its name
    Start what;
    State state = State::running;
    bool is_forgotten = false;  ///< leaves the list at its end
    simulate::Progress progress{};
    std::string failure{};
    std::atomic<bool> stop{false};
    std::unique_ptr<simulate::Simulation> simulation{};
    std::thread thread{};
  };

  hub::Json json_of(std::int64_t id, const Running& running) const;
  void run(std::int64_t id, Running& running);
  void ended(std::int64_t id, std::string failure);

  net::EventLoop& loop_;
  std::map<std::int64_t, std::unique_ptr<Running>> by_id_;
  std::int64_t last_id_ = 0;
};

}  // namespace iothub::app
