#pragma once
/// The topic filters a hub knows, and which of them a session holds.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"

namespace iothub::heads::mqtt_head {

/// What a client may subscribe to, one entry a filter. A hub is no broker: everything else ends the connection
/// (corrections.md 5).
enum class Subscription : std::uint8_t {
  devicebound,      ///< devices/{d}[/modules/{m}]/messages/devicebound/#
  inputs,           ///< devices/{d}/modules/{m}/inputs/#
  module_messages,  ///< devices/{d}/modules/{m}/#: the C# module client's name for both of the above
  method_requests,  ///< $iothub/methods/POST/#
  twin_responses,   ///< $iothub/twin/res/#
  desired_patches,  ///< $iothub/twin/PATCH/properties/desired/#
};
inline constexpr std::size_t kSubscriptions = 6;

/// What a filter of this client stands for; nothing when it is unknown or another identity's. `+` may stand for the
/// client's own ids (Azure SDK for Embedded C: `devices/+/messages/devicebound/#`).
std::optional<Subscription> subscription_of(std::string_view filter, const hub::Identity& self);

/// The subscriptions of one session with their granted QoS, 0 or 1.
class Subscriptions {
 public:
  std::optional<int> granted(Subscription subscription) const;
  /// Both return whether anything changed.
  bool grant(Subscription subscription, int qos);
  bool drop(Subscription subscription);

  /// One line a subscription, `name qos`: what hub::Sessions keeps. Unknown lines are ignored when read.
  std::string to_text() const;
  static Subscriptions from_text(std::string_view text);

  friend bool operator==(const Subscriptions&, const Subscriptions&) = default;

 private:
  std::array<std::int8_t, kSubscriptions> qos_{-1, -1, -1, -1, -1, -1};  // -1: not subscribed
};

}  // namespace iothub::heads::mqtt_head
