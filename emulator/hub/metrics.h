#pragma once
/// What a hub counts beside its happenings (observer.h): traffic by bytes, and HTTP answers by status.
#include <cstddef>
#include <cstdint>
#include <map>

namespace iothub::hub {

struct Metrics {
  std::uint64_t telemetry_bytes = 0;            ///< bodies
  std::uint64_t c2d_bytes = 0;                  ///< bodies
  std::map<int, std::uint64_t> http_answers{};  ///< by status
  std::uint64_t http_bytes_in = 0;              ///< bodies
  std::uint64_t http_bytes_out = 0;             ///< bodies

  void http_answered(int status, std::size_t out) {
    ++http_answers[status];
    http_bytes_out += out;
  }
};

}  // namespace iothub::hub
