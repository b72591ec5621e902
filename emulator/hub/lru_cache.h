#pragma once
/// A bounded map that forgets what was used longest ago: memory does not grow with what is registered.
#include <cassert>
#include <list>
#include <unordered_map>
#include <utility>

namespace iothub::hub {

template <typename Key, typename Value, typename Hash>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) { assert(capacity > 0); }

  /// Valid until the next put(), erase() or clear(); null when it is not here.
  Value* find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  Value& put(const Key& key, Value value) {
    if (Value* present = find(key)) {
      *present = std::move(value);
      return *present;
    }
    if (entries_.size() == capacity_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    index_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  void erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
  }

  template <typename Predicate>
  void erase_if(Predicate matches) {
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (!matches(it->first)) {
        ++it;
        continue;
      }
      index_.erase(it->first);
      it = entries_.erase(it);
    }
  }

  void clear() {
    index_.clear();
    entries_.clear();
  }

  std::size_t size() const { return entries_.size(); }

 private:
  std::size_t capacity_;
  std::list<std::pair<Key, Value>> entries_;
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator, Hash> index_;
};

}  // namespace iothub::hub
