#pragma once
/// What happens in a hub, told to whoever watches it: the control API's stream of events and its counters. One line
/// where it happens; while nobody listens that line costs an increment.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/hub/clock.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/listeners.h"

namespace iothub::hub {

enum class Happening : std::uint8_t {
#define IOTHUB_HAPPENING(name, text) name,
#include "emulator/hub/happenings.def"
#undef IOTHUB_HAPPENING
};
inline constexpr std::size_t kHappenings = 0
#define IOTHUB_HAPPENING(name, text) +1
#include "emulator/hub/happenings.def"
#undef IOTHUB_HAPPENING
    ;
/// `telemetry`, `c2d-expired`: as happenings.def writes it.
std::string_view name_of(Happening happening);

/// Borrowed for the call that tells it.
struct Happened {
  Happening what;
  Timestamp time;
  const Identity& identity;  ///< empty where it is about the whole hub
  std::string_view detail;   ///< JSON object text, or empty
};

class Observers {
 public:
  using Listener = Listeners<const Happened&>::Listener;

  explicit Observers(const Clock& clock) : clock_(clock) {}
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;

  /// `told` must not call the hub back: it is in the middle of its work. Nothing of it is committed yet; what a failed
  /// commit takes back is told by Happening::rolled_back.
  [[nodiscard]] Listener listen(std::function<void(const Happened&)> told) { return told_.add(std::move(told)); }

  /// `detail` is a function that gives the detail's JSON text; it is called only while somebody listens.
  template <typename Detail>
  void tell(Happening what, const Identity& identity, Detail&& detail) {
    ++counts_[static_cast<std::size_t>(what)];
    if (!told_.empty()) publish(what, identity, detail());
  }
  void tell(Happening what, const Identity& identity = {}) {
    tell(what, identity, [] { return std::string(); });
  }

  std::uint64_t count(Happening what) const { return counts_[static_cast<std::size_t>(what)]; }

 private:
  void publish(Happening what, const Identity& identity, const std::string& detail) const;

  const Clock& clock_;
  std::array<std::uint64_t, kHappenings> counts_{};
  Listeners<const Happened&> told_;
};

/// `{"name":"value","other":1}`: for details that are made of short texts and numbers.
std::string detail_text(std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
                        std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers = {});

}  // namespace iothub::hub
