#pragma once
/// The consumer groups of the built-in events endpoint: names that readers say, kept in the store. `$Default` always
/// is one. Every group sees every event; where its readers are is theirs to remember.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/listeners.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

inline constexpr std::string_view kDefaultConsumerGroup = "$Default";

class ConsumerGroups {
 public:
  explicit ConsumerGroups(storage::Store& store) : store_(store) {}
  ConsumerGroups(const ConsumerGroups&) = delete;
  ConsumerGroups& operator=(const ConsumerGroups&) = delete;

  /// `$Default` and the others by name. Names are one in any case, and stand as they were added.
  std::vector<std::string> list() const;
  bool contains(std::string_view name) const;

  /// One that is there already is fine. 400004 for a name of other than 1 to 50 letters, digits, `.`, `-` and `_` with
  /// a letter or digit at both ends, and for more than 20 groups (documentation: Event Hubs quotas).
  Result<void> add(const std::string& name);
  /// Its readers are told. False when there was none; `$Default` cannot go.
  Result<bool> remove(std::string_view name);

  using Listener = Listeners<const std::string&>::Listener;
  /// `removed` is called with the name in lower case.
  [[nodiscard]] Listener on_removed(std::function<void(const std::string& name)> removed) {
    return removed_.add(std::move(removed));
  }

 private:
  storage::Store& store_;
  Listeners<const std::string&> removed_;
};

}  // namespace iothub::hub
