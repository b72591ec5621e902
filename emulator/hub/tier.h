#pragma once
/// The pricing tier and size of a hub (documentation: Choose the right IoT Hub tier and size).
#include <cstdint>
#include <optional>
#include <string_view>

namespace iothub::hub {

/// Basic ones have no cloud-to-device messages, methods, twins, jobs and configurations.
enum class Tier : std::uint8_t { f1, b1, b2, b3, s1, s2, s3 };
/// `F1`, `free`, `B1` ... `S3`, in any case.
std::optional<Tier> tier_of(std::string_view name);
std::string_view name_of(Tier tier);
/// 1, 10 or 200.
int max_units(Tier tier);

struct HubSize {
  Tier tier = Tier::s1;
  int units = 1;
};

}  // namespace iothub::hub
