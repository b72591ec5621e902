#pragma once
/// Cloud-to-device messages: one durable FIFO queue a device or module (documentation: Understand cloud-to-device
/// messaging; rest.md 6.6; corrections.md 6). What is received is locked; a lock lives in memory only, so that after a
/// restart everything not settled is enqueued again.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/device_link.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"

namespace iothub::storage {
class Store;
struct C2dRow;
}  // namespace iothub::storage

namespace iothub::hub {

class Feedback;
class IdentityCache;
class Links;
class Observers;
class Throttle;
struct Metrics;
enum class FeedbackStatus : std::uint8_t;

struct C2dMessage {
  enum class Ack : std::uint8_t { none, positive, negative, full };  ///< the order is the storage's

  std::string message_id, correlation_id, user_id, to, content_type, content_encoding;  ///< empty: not set
  std::optional<Timestamp> expiry;  ///< absolute-expiry-time as the sender gave it; nothing: one hour
  Ack ack = Ack::none;
  std::vector<std::pair<std::string, std::string>> properties;  ///< the application's, in the order sent
  std::string body;                                             ///< bytes

  // Given by the hub.
  std::int64_t sequence_number = 0;  ///< counts from 1 in each queue, never twice
  Timestamp enqueued_time;
  Timestamp expires;         ///< by the sender's expiry or the hub's hour
  int delivery_count = 0;    ///< how often it was abandoned
  std::string lock_token;    ///< lower-case guid, another one for each lock; empty before receive() and deliver_c2d()
  bool redelivered = false;  ///< an earlier delivery was not settled
};

/// `none`, `positive`, `negative`, `full`: the application property iothub-ack.
std::string_view to_string(C2dMessage::Ack ack);
/// In any case; nothing when it is none of the four.
std::optional<C2dMessage::Ack> ack_of(std::string_view text);

/// A message of a queue as somebody sees it who only looks.
struct WaitingC2d {
  C2dMessage message;                  ///< its body may be cut
  std::size_t body_bytes = 0;          ///< of the whole body
  bool locked = false;                 ///< received, not settled: Invisible in the documentation's life cycle
  std::optional<Timestamp> lock_ends;  ///< nothing: not locked, or as long as the link lives
};

class C2d {
 public:
  C2d(storage::Store& store, IdentityCache& identities, Links& links, Feedback& feedback, Throttle& throttle,
      const Clock& clock, Scheduler& scheduler, RandomSource& random, Observers& observers, Metrics& metrics);
  C2d(const C2d&) = delete;
  C2d& operator=(const C2d&) = delete;

  /// Enqueues, and pushes to a live link that takes it. An empty `to` becomes the device's own address. Refuses:
  /// 404001/404010 unknown identity, 413001 over 64 KB, 403009 expiry in the past or over two days ahead, 403004 when
  /// 50 messages wait, 400004 for text that is not UTF-8, and what Throttle::admit refuses. A disabled device's
  /// messages wait for it. Answers the message's sequence number.
  Result<std::int64_t> send(const Identity& to, C2dMessage message);

  /// Pull: locks the oldest enqueued message for 60 s. Nothing when there is none.
  std::optional<C2dMessage> receive(const Identity& of);

  // All three refuse with 412002 when the lock is lost: timed out, settled, purged or expired. They may push to the
  // identity's link (an abandoned message at once), and tell listeners of feedback.
  Result<void> complete(const Identity& of, std::string_view lock_token);
  /// Dead-letters: nobody will read it.
  Result<void> reject(const Identity& of, std::string_view lock_token);
  /// Enqueues again in its old place with one more delivery counted; the tenth time it is dead-lettered.
  Result<void> abandon(const Identity& of, std::string_view lock_token);

  /// Pushes what is enqueued, oldest first, to the identity's live link as long as that takes it: a session calls it
  /// when it has subscribed or has new credit.
  void deliver(const Identity& to);

  /// Removes all messages of the queue, locked ones too; answers how many. 404001/404010.
  Result<std::int64_t> purge(const Identity& of);
  /// Messages not settled yet, oldest first, locked ones too.
  std::vector<C2dMessage> queued(const Identity& of) const;
  /// The same without a delivery, and with no more than the first `longest_body` bytes of each body: one whole message
  /// is in memory at a time. 404001/404010.
  Result<std::vector<WaitingC2d>> look(const Identity& of, std::size_t longest_body) const;
  /// Messages not settled yet: cloudToDeviceMessageCount.
  std::int64_t count(const Identity& of) const;

  /// The identity has lost its link: what was pushed to it is enqueued again. Nothing is pushed to a newer link; that
  /// calls deliver() when it is ready.
  void link_gone(const Identity& identity);
  /// The identity was removed, and its queue with it; for a device its modules' too.
  void identity_removed(const Identity& identity);
  /// After a failed commit: what is remembered of times is read again.
  void forget();
  /// The store's content was exchanged: what was delivered of the old one is forgotten too.
  void forget_delivered();

 private:
  /// A message that has been delivered and is not settled. When `locked` is false it waits for its next delivery.
  struct Delivered {
    std::int64_t sequence_number = 0;
    std::string lock_token;
    Timestamp lock_ends;
    Timestamp expiry;
    bool locked = false;
    bool pushed = false;
    bool while_connected = false;  ///< the lock holds until the link is gone
  };
  struct LockEnd {
    Timestamp at;
    Identity identity;
    std::string lock_token;
  };

  Result<void> require_identity(const Identity& identity) const;
  std::optional<C2dMessage> next(const Identity& of);
  void push(const Identity& to);
  void lock(const Identity& of, const C2dMessage& message, bool pushed, bool while_connected);
  Delivered* find_locked(const Identity& of, std::string_view lock_token);
  Delivered* find(const Identity& of, std::int64_t sequence_number);
  Result<void> settle(const Identity& of, std::string_view lock_token, FeedbackStatus status);
  /// Removes a message and reports what became of it, if its sender asked for that.
  void finish(const Identity& of, const storage::C2dRow& row, FeedbackStatus status);
  void drop_delivered(const Identity& of, std::int64_t sequence_number);
  /// The message waits again, and nobody has asked for that: its lock's time, or its link, has ended.
  void lose_lock(const Identity& of, Delivered& delivered);
  /// Ends locks and messages whose time has come, and sets the timer for the next.
  void settle_due();
  void watch();

  storage::Store& store_;
  IdentityCache& identities_;
  Links& links_;
  Feedback& feedback_;
  Throttle& throttle_;
  const Clock& clock_;
  RandomSource& random_;
  Observers& observers_;
  Metrics& metrics_;
  std::unordered_map<Identity, std::vector<Delivered>, IdentityHash> delivered_;
  std::deque<LockEnd> lock_ends_;  ///< by time, for all locks are equally long; settled ones are skipped
  std::optional<Timestamp> next_expiry_;
  Timer timer_;
};

}  // namespace iothub::hub
