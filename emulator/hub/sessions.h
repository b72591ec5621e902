#pragma once
/// What a protocol head keeps for an identity between its connections; the text is the head's own.
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"
#include "storage/store.h"

namespace iothub::hub {

class Sessions {
 public:
  explicit Sessions(storage::Store& store) : store_(store) {}

  std::optional<std::string> load(const Identity& identity) const {
    return store_.session(identity.device.value, identity.module.value);
  }
  void save(const Identity& identity, std::string_view state) {
    store_.put_session(identity.device.value, identity.module.value, state);
  }
  void remove(const Identity& identity) { store_.remove_session(identity.device.value, identity.module.value); }

 private:
  storage::Store& store_;
};

}  // namespace iothub::hub
