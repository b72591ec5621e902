#pragma once
/// Searches what the hub received, in its event stream: who sent it, since when, with which properties and body.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"

namespace iothub::storage {
struct EventRow;
}

namespace iothub::heads::control {

/// A place in every partition of the stream: the sequence numbers to read from. Its text, `12.0.7.3`, is what clients
/// hand back.
struct Cursor {
  std::vector<std::int64_t> next;

  static Cursor start(hub::Hub& hub);
  static Cursor end(hub::Hub& hub);
  /// A cursor's text, `start`, `now` or an ISO 8601 time; nothing for others.
  static std::optional<Cursor> parse(hub::Hub& hub, std::string_view text);
  std::string text() const;
};

struct MessageMatcher {
  std::optional<hub::Identity> identity;  ///< a device's own messages, not its modules'
  std::string source = "Telemetry";       ///< iothub-message-source; empty: any
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<std::pair<std::string, std::string>> system_properties;
  std::optional<std::string> body;  ///< equal
  std::optional<std::string> body_contains;
  std::vector<std::pair<std::string, std::string>> body_values;  ///< JSON pointer, and the value's JSON text or string

  /// From `device`, `module`, `source`, `property.NAME`, `system.NAME`, `body`, `bodyContains` and `body/POINTER`.
  /// 400004 for a parameter that is none of these nor among `others`, and for a broken pointer.
  static hub::Result<MessageMatcher> from_query(const std::vector<std::pair<std::string, std::string>>& query,
                                                std::initializer_list<std::string_view> others);
  bool matches(const storage::EventRow& row) const;
};

/// As the API shows a message: `body` is JSON where it is, text where it is UTF-8, else null; `bodyBase64` is exact.
hub::Json message_json(const storage::EventRow& row, int partition);

/// How many rows of a partition one call looks at.
inline constexpr std::int64_t kMostRowsLookedAt = 20'000;

/// Adds messages that match, by time, at most `limit`; `from` moves behind what was looked at. True when the end of the
/// stream was reached.
bool find_messages(hub::Hub& hub, const MessageMatcher& matcher, Cursor& from, std::size_t limit, hub::Json& messages);

}  // namespace iothub::heads::control
