#pragma once
/// What work costs: time, processor time and memory of this and of other processes (Linux, /proc).
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace iothub::bench {

/// Monotonic clock.
std::int64_t now_ns();

/// Processor time of this process, all threads.
std::int64_t own_cpu_ns();

/// Processor time of the living threads of a process, from /proc/PID/task/*/schedstat. Throws std::runtime_error when
/// there is no such process.
std::int64_t cpu_ns(pid_t process);

/// VmRSS of a process, in KiB. Kernel memory, as of sockets, is not in it. Throws as cpu_ns().
long resident_kib(pid_t process);

/// Durations of single operations.
class Latencies {
 public:
  void reserve(std::size_t count) { ns_.reserve(count); }
  void add(std::int64_t ns) { ns_.push_back(ns); }
  std::size_t count() const { return ns_.size(); }
  /// `percent` in 0..100; 0 when nothing was added.
  double percentile_us(double percent) const;

 private:
  mutable std::vector<std::int64_t> ns_;  ///< percentile_us() reorders it
};

}  // namespace iothub::bench
