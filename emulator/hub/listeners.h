#pragma once
/// Those who are told when something happens in the hub. Whoever is told may end any listening, its own too.
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace iothub::hub {

template <typename... What>
class Listeners {
 public:
  /// Ends its listening when it dies, and must not outlive those it belongs to. Movable.
  class Listener {
   public:
    Listener() = default;
    Listener(Listener&& other) noexcept : listeners_(std::exchange(other.listeners_, nullptr)), id_(other.id_) {}
    Listener& operator=(Listener&& other) noexcept {
      if (this == &other) return *this;
      stop();
      listeners_ = std::exchange(other.listeners_, nullptr);
      id_ = other.id_;
      return *this;
    }
    ~Listener() { stop(); }
    void stop() {
      if (Listeners* listeners = std::exchange(listeners_, nullptr)) listeners->by_id_.erase(id_);
    }

   private:
    friend class Listeners;
    Listener(Listeners& listeners, std::uint64_t id) : listeners_(&listeners), id_(id) {}
    Listeners* listeners_ = nullptr;
    std::uint64_t id_ = 0;
  };

  Listeners() = default;
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  [[nodiscard]] Listener add(std::function<void(What...)> told) {
    by_id_.emplace(++last_id_, std::move(told));
    return Listener(*this, last_id_);
  }

  /// In the order they came; one that ends during this is not told any more.
  void tell(What... what) const {
    std::uint64_t last = 0;
    for (auto next = by_id_.begin(); next != by_id_.end(); next = by_id_.upper_bound(last)) {
      last = next->first;
      const std::function<void(What...)> told = next->second;  // it may end itself
      told(what...);
    }
  }

 private:
  std::map<std::uint64_t, std::function<void(What...)>> by_id_;
  std::uint64_t last_id_ = 0;
};

}  // namespace iothub::hub
