#include "emulator/heads/mqtt/subscriptions.h"

namespace iothub::heads::mqtt_head {
namespace {

constexpr std::array<std::string_view, kSubscriptions> kNames{"devicebound",     "inputs",         "module_messages",
                                                              "method_requests", "twin_responses", "desired_patches"};

/// A filter that begins with the identity's own prefix (`devices/{d}[/modules/{m}]`), or with $iothub.
enum class Owner : std::uint8_t { device, module, any };
struct KnownFilter {
  Owner owner;
  std::string_view tail;
  Subscription subscription;
};
constexpr std::array kFilters{
    KnownFilter{Owner::device, "/messages/devicebound/#", Subscription::devicebound},
    KnownFilter{Owner::module, "/messages/devicebound/#", Subscription::devicebound},
    KnownFilter{Owner::module, "/inputs/#", Subscription::inputs},
    KnownFilter{Owner::module, "/#", Subscription::module_messages},
    KnownFilter{Owner::any, "$iothub/methods/POST/#", Subscription::method_requests},
    KnownFilter{Owner::any, "$iothub/twin/res/#", Subscription::twin_responses},
    KnownFilter{Owner::any, "$iothub/twin/PATCH/properties/desired/#", Subscription::desired_patches},
};

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Skips an own id, or a `+` in its place; the id ends before a slash.
bool skip_id(std::string_view& text, std::string_view id) {
  const std::string_view segment = text.substr(0, text.find('/'));
  if (segment != id && segment != "+") return false;
  text.remove_prefix(segment.size());
  return true;
}

constexpr std::size_t index(Subscription subscription) {
  return static_cast<std::size_t>(subscription);
}

}  // namespace

std::optional<Subscription> subscription_of(std::string_view filter, const hub::Identity& self) {
  Owner owner = Owner::any;
  if (skip(filter, "devices/")) {
    if (!skip_id(filter, self.device.value)) return std::nullopt;
    if (self.is_module() && !(skip(filter, "/modules/") && skip_id(filter, self.module.value))) return std::nullopt;
    owner = self.is_module() ? Owner::module : Owner::device;
  }
  for (const KnownFilter& known : kFilters) {
    if (known.owner == owner && known.tail == filter) return known.subscription;
  }
  return std::nullopt;
}

std::optional<int> Subscriptions::granted(Subscription subscription) const {
  const int qos = qos_[index(subscription)];
  return qos < 0 ? std::nullopt : std::optional(qos);
}

bool Subscriptions::grant(Subscription subscription, int qos) {
  std::int8_t& held = qos_[index(subscription)];
  if (held == qos) return false;
  held = static_cast<std::int8_t>(qos);
  return true;
}

bool Subscriptions::drop(Subscription subscription) {
  return grant(subscription, -1);
}

std::string Subscriptions::to_text() const {
  std::string text;
  for (std::size_t i = 0; i < kSubscriptions; ++i) {
    if (qos_[i] < 0) continue;
    text.append(kNames[i]).append(qos_[i] == 0 ? " 0\n" : " 1\n");
  }
  return text;
}

Subscriptions Subscriptions::from_text(std::string_view text) {
  Subscriptions read;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    for (std::size_t i = 0; i < kSubscriptions; ++i) {
      if (line.substr(0, line.find(' ')) != kNames[i]) continue;
      if (line.ends_with(" 0")) read.qos_[i] = 0;
      if (line.ends_with(" 1")) read.qos_[i] = 1;
    }
  }
  return read;
}

}  // namespace iothub::heads::mqtt_head
