#pragma once
/// Keys that a seed does not spell out.
#include <string>
#include <string_view>

namespace iothub::seed {

/// What keys are derived from where a seed says no keySeed: the same on every machine, and as public as the policies'.
inline constexpr std::string_view kDefaultKeySeed = "iothub-emulator";

/// base64 of HMAC-SHA256(key_seed, "<kind> <name> <which>"): `kind` device, module or policy; `name` as the hub names
/// it (`d1`, `d1/m1`, `service`); `which` primary or secondary. It never changes from release to release.
std::string derived_key(std::string_view key_seed, std::string_view kind, std::string_view name,
                        std::string_view which);

}  // namespace iothub::seed
