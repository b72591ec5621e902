#pragma once
/// What happens in a hub, told to whoever watches it: the control API's stream of events and its counters. One line
/// where it happens; while nobody listens that line costs an increment.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/hub/clock.h"
#include "emulator/hub/ids.h"

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
  /// Must not call the hub back: it is in the middle of its work. Nothing of it is committed yet; what a failed commit
  /// takes back is told by Happening::rolled_back.
  using Told = std::function<void(const Happened&)>;

  /// Ends its listening when it dies. Movable; the observers outlive it.
  class Listener {
   public:
    Listener() = default;
    Listener(Listener&& other) noexcept : observers_(std::exchange(other.observers_, nullptr)), id_(other.id_) {}
    Listener& operator=(Listener&& other) noexcept {
      if (this != &other) {
        stop();
        observers_ = std::exchange(other.observers_, nullptr);
        id_ = other.id_;
      }
      return *this;
    }
    ~Listener() { stop(); }
    void stop() {
      if (Observers* observers = std::exchange(observers_, nullptr)) observers->told_.erase(id_);
    }

   private:
    friend class Observers;
    Listener(Observers& observers, std::uint64_t id) : observers_(&observers), id_(id) {}
    Observers* observers_ = nullptr;
    std::uint64_t id_ = 0;
  };

  explicit Observers(const Clock& clock) : clock_(clock) {}
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;

  [[nodiscard]] Listener listen(Told told);

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
  std::map<std::uint64_t, Told> told_;
  std::uint64_t last_listener_ = 0;
};

/// `{"name":"value","other":1}`: for details that are made of short texts and numbers.
std::string detail_text(std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
                        std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers = {});

}  // namespace iothub::hub
