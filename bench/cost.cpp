#include "bench/cost.h"

#include <time.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace iothub::bench {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::filesystem::path proc(pid_t process) {
  return std::filesystem::path("/proc") / std::to_string(process);
}

[[noreturn]] void throw_gone(pid_t process) {
  throw std::runtime_error("process " + std::to_string(process) + " is gone");
}

}  // namespace

std::int64_t now_ns() {
  return read_clock(CLOCK_MONOTONIC);
}
std::int64_t own_cpu_ns() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

std::int64_t cpu_ns(pid_t process) {
  std::error_code error;
  std::int64_t sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator(proc(process) / "task", error)) {
    std::int64_t on_cpu = 0;  // nanoseconds; /proc/PID/stat counts only ticks of 10 ms
    if (std::ifstream(thread.path() / "schedstat") >> on_cpu) sum += on_cpu;
  }
  if (error) throw_gone(process);
  return sum;
}

long resident_kib(pid_t process) {
  std::ifstream status(proc(process) / "status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  throw_gone(process);
}

double Latencies::percentile_us(double percent) const {
  if (ns_.empty()) return 0;
  const auto rank = static_cast<std::size_t>(percent / 100 * static_cast<double>(ns_.size()));
  const auto at = ns_.begin() + static_cast<std::ptrdiff_t>(std::min(rank, ns_.size() - 1));
  std::nth_element(ns_.begin(), at, ns_.end());
  return static_cast<double>(*at) / 1000;
}

}  // namespace iothub::bench
