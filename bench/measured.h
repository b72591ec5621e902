#pragma once
/// What the scenarios measure with.
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "bench/cost.h"
#include "bench/scenarios.h"

namespace iothub::bench {

/// How long a scenario waits for something that does not take long.
inline constexpr std::chrono::seconds kLimit{60};

/// Time, and the processor time of server and load generator, from its making on.
class Measured {
 public:
  explicit Measured(pid_t server) : server_(server) {}

  double seconds() const { return static_cast<double>(now_ns() - start_) / 1e9; }

  /// Rate and cost of `count` operations.
  Figures rate(std::size_t count) const {
    const double wall = seconds();
    const double server_cpu = static_cast<double>(cpu_ns(server_) - server_start_);
    const double client_cpu = static_cast<double>(own_cpu_ns() - client_start_);
    if (count == 0) throw std::runtime_error("nothing was done");
    const auto operations = static_cast<double>(count);
    return {{"count", count},
            {"per_s", operations / wall},
            {"server_cpu_us", server_cpu / 1000 / operations},
            {"server_busy", server_cpu / 1e9 / wall},
            {"client_busy", client_cpu / 1e9 / wall}};
  }

 private:
  pid_t server_;
  std::int64_t server_start_ = cpu_ns(server_);
  std::int64_t client_start_ = own_cpu_ns();
  std::int64_t start_ = now_ns();
};

/// Where the latencies of what is under way are noted; before their time they are not.
struct Timed {
  bool counts = false;
  Latencies latencies;

  void add(std::int64_t ns) {
    if (counts) latencies.add(ns);
  }
};

inline void add(Figures& figures, const Latencies& latencies) {
  figures["p50_us"] = latencies.percentile_us(50);
  figures["p99_us"] = latencies.percentile_us(99);
}

/// Of a load that is under way and that `run_for` drives: the rate and the latencies of `duration`, after `warm_up`.
template <typename RunFor>
Figures measure(pid_t server, Timed& timed, RunFor run_for, Seconds warm_up, Seconds duration) {
  run_for(warm_up);
  timed.counts = true;
  const Measured measured(server);
  run_for(duration);
  Figures figures = measured.rate(timed.latencies.count());
  add(figures, timed.latencies);
  return figures;
}

/// What each of kDevices has added.
inline Figures memory_each(long before_kib, long after_kib) {
  return {{"before_kib", before_kib},
          {"after_kib", after_kib},
          {"kib_each", static_cast<double>(after_kib - before_kib) / static_cast<double>(kDevices)}};
}

}  // namespace iothub::bench
