#pragma once
/// Feedback: what became of cloud-to-device messages, for the service side. Records are kept in one queue of the hub
/// and given out in batches (documentation: Understand cloud-to-device messaging, Message feedback; rest.md 5.8, 6.6;
/// corrections.md 6). Records of an identity that is removed go with it.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/listeners.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

class IdentityCache;
class Observers;

enum class FeedbackStatus : std::uint8_t { success, expired, delivery_count_exceeded, rejected, purged };
/// `Success`, `Expired`, `DeliveryCountExceeded`, `Rejected`, `Purged`.
std::string_view to_string(FeedbackStatus status);

struct FeedbackBatch {
  std::string lock_token;   ///< lower-case guid, another one for each lock
  Timestamp enqueued_time;  ///< when the batch was formed
  std::string body;         ///< JSON array of records
  int delivery_count = 0;   ///< how often it was abandoned
};

/// A record as somebody sees it who only looks.
struct WaitingFeedback {
  enum class State : std::uint8_t {
    collecting,  ///< for a batch that is not formed yet
    available,   ///< in a batch that a service client may take
    locked,      ///< one has taken it and not settled it
  };
  std::string record;  ///< a JSON object
  State state = State::collecting;
  int delivery_count = 0;  ///< how often its batch was abandoned
};

/// `collecting`, `available`, `locked`.
std::string_view to_string(WaitingFeedback::State state);

class Feedback {
 public:
  using Listener = Listeners<>::Listener;

  Feedback(storage::Store& store, IdentityCache& identities, const Clock& clock, Scheduler& scheduler,
           RandomSource& random, Observers& observers);
  Feedback(const Feedback&) = delete;
  Feedback& operator=(const Feedback&) = delete;

  /// A message of this identity has ended so; an empty message id is left out of the record. The record leaves with a
  /// batch: at 64 records, or 15 s after the first.
  void add(const Identity& about, std::string_view message_id, FeedbackStatus status);

  /// Locks the oldest batch for 60 s; nothing when none is available.
  std::optional<FeedbackBatch> receive();
  // 412002 when the lock is lost.
  Result<void> complete(std::string_view lock_token);
  Result<void> reject(std::string_view lock_token);
  /// Available again, with one more delivery counted; the tenth time it is dropped.
  Result<void> abandon(std::string_view lock_token);

  /// The latest records that no service client has settled, newest first, at most `limit`; nothing is locked by that.
  std::vector<WaitingFeedback> look(std::size_t limit) const;

  /// `available` is called, inside hub calls and timers, each time a batch has become available: formed, abandoned, or
  /// its lock ended. It may call receive() and may end listeners; another may have taken the batch already. What is
  /// available at the time of the call is not told: call receive() once first.
  [[nodiscard]] Listener listen(std::function<void()> available) { return available_.add(std::move(available)); }

  /// After a failed commit: all locks are lost, for some may be of batches that never were.
  void forget();

 private:
  struct Lock {
    std::int64_t batch = 0;
    Timestamp ends;
  };
  std::optional<std::int64_t> take_lock(std::string_view lock_token);
  bool is_locked(std::int64_t batch) const;
  void remove_expired_batches();
  void settle_due();
  void watch();

  storage::Store& store_;
  IdentityCache& identities_;
  const Clock& clock_;
  RandomSource& random_;
  Observers& observers_;
  std::unordered_map<std::string, Lock> locks_;  ///< by lock token; a hub has few batches out at a time
  Listeners<> available_;
  Timer timer_;
};

}  // namespace iothub::hub
