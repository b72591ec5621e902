#pragma once
/// Searches what the hub received, in its event stream: who sent it, since when, with which properties and body.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/hub/event_reader.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"

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

/// How many rows of a partition one search looks at.
inline constexpr std::int64_t kMostRowsLookedAt = 20'000;

/// Looks for messages in slices (hub/slice.h): a long stream must not stop what else the hub does.
class MessageSearch {
 public:
  /// Looks from `from` on, for at most `limit` messages. The hub outlives the search.
  MessageSearch(hub::Hub& hub, MessageMatcher matcher, Cursor from, std::size_t limit);

  /// Does a slice; true when nothing more is to be looked at.
  bool step();
  /// Adds what was found to `messages`, by time. True when the end of the stream was reached; where to look next is in
  /// cursor(). Once, after the last step or before.
  bool take(hub::Json& messages);
  const Cursor& cursor() const { return next_; }

 private:
  struct Match {
    int partition;
    storage::EventRow row;
  };

  hub::Hub& hub_;
  const MessageMatcher matcher_;
  Cursor next_;
  const std::size_t limit_;
  std::vector<Match> matches_;
  int partition_ = 0;           ///< that is being looked through
  int last_partition_ = 0;      ///< of those to look through
  bool began_ = false;          ///< partition_ has been begun
  std::int64_t looked_at_ = 0;  ///< rows of it
  std::size_t taken_ = 0;       ///< matches of it
  bool at_end_ = true;          ///< of those that were looked through
};

}  // namespace iothub::heads::control
