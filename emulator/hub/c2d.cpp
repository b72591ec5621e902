#include "emulator/hub/c2d.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "emulator/hub/feedback.h"
#include "emulator/hub/guid.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/links.h"
#include "emulator/hub/metrics.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/throttle.h"
#include "emulator/hub/until.h"
#include "protocol/text/ascii.h"
#include "protocol/text/percent.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr std::array<std::string_view, 4> kAcks{"none", "positive", "negative", "full"};

/// `/devices/d1/messages/deviceBound`, the ids percent-encoded as the SDKs do.
std::string address_of(const Identity& identity) {
  std::string address = "/devices/" + text::percent_encode(identity.device.value);
  if (identity.is_module()) address += "/modules/" + text::percent_encode(identity.module.value);
  return address + "/messages/deviceBound";
}

/// Documentation: Create and read IoT Hub messages: the body, the values of system properties, names and values of the
/// rest.
std::size_t size_of(const C2dMessage& message) {
  std::size_t size = message.body.size() + message.message_id.size() + message.correlation_id.size() +
                     message.user_id.size() + message.to.size() + message.content_type.size() +
                     message.content_encoding.size();
  for (const auto& [name, value] : message.properties) size += name.size() + value.size();
  return size;
}

C2dMessage message_of(storage::C2dRow row) {
  C2dMessage message;
  message.message_id = std::move(row.message_id);
  message.correlation_id = std::move(row.correlation_id);
  message.user_id = std::move(row.user_id);
  message.to = std::move(row.to);
  message.content_type = std::move(row.content_type);
  message.content_encoding = std::move(row.content_encoding);
  if (row.expiry_given) message.expiry = Timestamp{row.expiry_time};
  message.expires = Timestamp{row.expiry_time};
  message.ack = static_cast<C2dMessage::Ack>(row.ack);
  if (!row.properties.empty()) {
    for (const Json& pair : Json::parse(row.properties)) {
      message.properties.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
    }
  }
  message.body = std::move(row.body);
  message.sequence_number = row.sequence_number;
  message.enqueued_time = Timestamp{row.enqueued_time};
  message.delivery_count = static_cast<int>(row.delivery_count);
  return message;
}

Identity identity_of(const storage::C2dRow& row) {
  return {{row.device_id}, {row.module_id}};
}

bool wants(C2dMessage::Ack ack, FeedbackStatus status) {
  if (ack == C2dMessage::Ack::full) return true;
  return ack == (status == FeedbackStatus::success ? C2dMessage::Ack::positive : C2dMessage::Ack::negative);
}

std::string message_detail(const storage::C2dRow& row) {
  return detail_text({{"messageId", row.message_id}}, {{"sequenceNumber", row.sequence_number},
                                                       {"deliveryCount", row.delivery_count},
                                                       {"bytes", static_cast<std::int64_t>(row.body.size())}});
}

Happening happening_of(FeedbackStatus status) {
  switch (status) {
    case FeedbackStatus::success:
      return Happening::c2d_completed;
    case FeedbackStatus::expired:
      return Happening::c2d_expired;
    case FeedbackStatus::delivery_count_exceeded:
      return Happening::c2d_delivery_count_exceeded;
    case FeedbackStatus::rejected:
      return Happening::c2d_rejected;
    case FeedbackStatus::purged:
      return Happening::c2d_purged;
  }
  return Happening::c2d_completed;
}

}  // namespace

std::string_view to_string(C2dMessage::Ack ack) {
  return kAcks[static_cast<std::size_t>(ack)];
}

std::optional<C2dMessage::Ack> ack_of(std::string_view text) {
  for (std::size_t i = 0; i < kAcks.size(); ++i) {
    if (text::equals_ignoring_case(kAcks[i], text)) return static_cast<C2dMessage::Ack>(i);
  }
  return std::nullopt;
}

C2d::C2d(storage::Store& store, IdentityCache& identities, Links& links, Feedback& feedback, Throttle& throttle,
         const Clock& clock, Scheduler& scheduler, RandomSource& random, Observers& observers, Metrics& metrics)
    : store_(store),
      identities_(identities),
      links_(links),
      feedback_(feedback),
      throttle_(throttle),
      clock_(clock),
      random_(random),
      observers_(observers),
      metrics_(metrics),
      timer_(scheduler) {
  forget();  // what a store from before holds is looked at first of all
}

Result<void> C2d::require_identity(const Identity& identity) const {
  if (identities_.find({identity.device}) == nullptr) return device_not_found(identity.device);
  if (identity.is_module() && identities_.find(identity) == nullptr) return module_not_found(identity);
  return {};
}

// ---- the service's side
// -----------------------------------------------------------------------------------------------

Result<std::int64_t> C2d::send(const Identity& to, C2dMessage message) {
  if (Result<void> known = require_identity(to); !known) return known.error();
  settle_due();
  const Timestamp now = clock_.now();
  if (message.to.empty()) message.to = address_of(to);
  const std::size_t size = size_of(message);
  if (size > kMaxC2dBytes) return message_too_large(size, kMaxC2dBytes);
  const Timestamp expiry = message.expiry.value_or(now.plus_seconds(kDefaultC2dTtlSeconds));
  if (expiry <= now || expiry > now.plus_seconds(kMaxC2dTtlSeconds)) return invalid_message_expiry(expiry);
  if (store_.c2d_message_count(to.device.value, to.module.value) >= kMaxC2dQueueDepth) return queue_is_full(to);

  storage::C2dRow row;
  try {
    row.properties = pairs_text(message.properties);
    std::ignore = dump(Json::array({message.message_id, message.correlation_id, message.user_id, message.to,
                                    message.content_type, message.content_encoding}));
  } catch (const Json::type_error&) {
    return argument_invalid("a message property is not UTF-8");
  }
  if (const Result<void> admitted = throttle_.admit(Operation::c2d_send); !admitted) return admitted.error();
  throttle_.charge(size);
  row.device_id = to.device.value;
  row.module_id = to.module.value;
  row.enqueued_time = now.ticks;
  row.expiry_time = expiry.ticks;
  row.expiry_given = message.expiry.has_value();
  row.ack = static_cast<std::int64_t>(message.ack);
  row.message_id = std::move(message.message_id);
  row.correlation_id = std::move(message.correlation_id);
  row.user_id = std::move(message.user_id);
  row.to = std::move(message.to);
  row.content_type = std::move(message.content_type);
  row.content_encoding = std::move(message.content_encoding);
  row.body = std::move(message.body);
  const std::int64_t number = store_.append_c2d_message(row);
  row.sequence_number = number;
  metrics_.c2d_bytes += row.body.size();
  observers_.tell(Happening::c2d_enqueued, to, [&row] { return message_detail(row); });
  drop_delivered(to, number);  // of a message with this number whose turn was not committed
  if (!next_expiry_ || expiry < *next_expiry_) {
    next_expiry_ = expiry;
    watch();
  }
  push(to);
  return number;
}

Result<std::int64_t> C2d::purge(const Identity& of) {
  if (Result<void> known = require_identity(of); !known) return known.error();
  settle_due();
  std::int64_t purged = 0;
  for (const std::int64_t number : store_.c2d_sequence_numbers(of.device.value, of.module.value)) {
    const auto row = store_.c2d_message(of.device.value, of.module.value, number);
    finish(of, *row, FeedbackStatus::purged);
    ++purged;
  }
  return purged;
}

std::vector<C2dMessage> C2d::queued(const Identity& of) const {
  std::vector<C2dMessage> messages;
  for (const std::int64_t number : store_.c2d_sequence_numbers(of.device.value, of.module.value)) {
    if (auto row = store_.c2d_message(of.device.value, of.module.value, number)) {
      messages.push_back(message_of(std::move(*row)));
    }
  }
  return messages;
}

Result<std::vector<WaitingC2d>> C2d::look(const Identity& of, std::size_t longest_body) const {
  if (Result<void> known = require_identity(of); !known) return known.error();
  std::vector<WaitingC2d> messages;
  const auto queue = delivered_.find(of);
  for (const std::int64_t number : store_.c2d_sequence_numbers(of.device.value, of.module.value)) {
    auto row = store_.c2d_message(of.device.value, of.module.value, number);
    if (!row) continue;
    const std::size_t size = row->body.size();
    // A copy: what is cut in place keeps its memory.
    if (size > longest_body) row->body = row->body.substr(0, longest_body);
    WaitingC2d& waiting = messages.emplace_back();
    waiting.message = message_of(std::move(*row));
    waiting.body_bytes = size;
    if (queue == delivered_.end()) continue;
    for (const Delivered& delivered : queue->second) {
      if (delivered.sequence_number != number) continue;
      waiting.message.redelivered = true;
      waiting.locked = delivered.locked;
      if (delivered.locked && !delivered.while_connected) waiting.lock_ends = delivered.lock_ends;
    }
  }
  return messages;
}

std::int64_t C2d::count(const Identity& of) const {
  return store_.c2d_message_count(of.device.value, of.module.value);
}

// ---- the device's side
// ------------------------------------------------------------------------------------------------

/// The oldest message that is not locked, not yet locked by this.
std::optional<C2dMessage> C2d::next(const Identity& of) {
  const Timestamp now = clock_.now();
  for (const std::int64_t number : store_.c2d_sequence_numbers(of.device.value, of.module.value)) {
    const Delivered* delivered = find(of, number);
    if (delivered != nullptr && delivered->locked) continue;
    std::optional<storage::C2dRow> row = store_.c2d_message(of.device.value, of.module.value, number);
    if (!row || row->expiry_time <= now.ticks) continue;  // the timer is about to take it
    C2dMessage message = message_of(std::move(*row));
    message.redelivered = delivered != nullptr || message.delivery_count > 0;
    message.lock_token = new_guid(random_);
    return message;
  }
  return std::nullopt;
}

void C2d::lock(const Identity& of, const C2dMessage& message, bool pushed, bool while_connected) {
  const Timestamp ends = clock_.now().plus_seconds(kC2dLockSeconds);
  Delivered* delivered = find(of, message.sequence_number);
  if (delivered == nullptr) delivered = &delivered_[of].emplace_back();
  *delivered = {message.sequence_number, message.lock_token, ends, message.expires, true, pushed, while_connected};
  lock_ends_.push_back({ends, of, message.lock_token});
  if (lock_ends_.size() == 1) watch();
  observers_.tell(Happening::c2d_delivered, of, [&message] {
    return detail_text({{"messageId", message.message_id}, {"lockToken", message.lock_token}},
                       {{"sequenceNumber", message.sequence_number}, {"deliveryCount", message.delivery_count}});
  });
}

std::optional<C2dMessage> C2d::receive(const Identity& of) {
  settle_due();
  std::optional<C2dMessage> message = next(of);
  if (message) lock(of, *message, false, false);
  return message;
}

void C2d::deliver(const Identity& to) {
  settle_due();
  push(to);
}

void C2d::push(const Identity& to) {
  while (DeviceLink* link = links_.find(to)) {
    const std::optional<C2dMessage> message = next(to);
    if (!message || !link->deliver_c2d(*message)) return;
    const C2dLock kind = link->c2d_lock();
    lock(to, *message, true, kind == C2dLock::while_connected);
    if (kind == C2dLock::none) std::ignore = settle(to, message->lock_token, FeedbackStatus::success);
  }
}

Result<void> C2d::complete(const Identity& of, std::string_view lock_token) {
  settle_due();
  return settle(of, lock_token, FeedbackStatus::success);
}

Result<void> C2d::reject(const Identity& of, std::string_view lock_token) {
  settle_due();
  return settle(of, lock_token, FeedbackStatus::rejected);
}

Result<void> C2d::settle(const Identity& of, std::string_view lock_token, FeedbackStatus status) {
  const Delivered* delivered = find_locked(of, lock_token);
  if (delivered == nullptr) return lock_lost();
  const auto row = store_.c2d_message(of.device.value, of.module.value, delivered->sequence_number);
  if (!row) return lock_lost();
  finish(of, *row, status);
  return {};
}

Result<void> C2d::abandon(const Identity& of, std::string_view lock_token) {
  settle_due();
  Delivered* delivered = find_locked(of, lock_token);
  if (delivered == nullptr) return lock_lost();
  const auto row = store_.c2d_message(of.device.value, of.module.value, delivered->sequence_number);
  if (!row) return lock_lost();
  if (row->expiry_time <= clock_.now().ticks) {
    finish(of, *row, FeedbackStatus::expired);
  } else if (row->delivery_count + 1 >= kMaxC2dDeliveries) {
    finish(of, *row, FeedbackStatus::delivery_count_exceeded);
  } else {
    store_.set_c2d_delivery_count(of.device.value, of.module.value, row->sequence_number, row->delivery_count + 1);
    delivered->locked = false;
    observers_.tell(Happening::c2d_abandoned, of, [&row] { return message_detail(*row); });
    push(of);
  }
  return {};
}

void C2d::finish(const Identity& of, const storage::C2dRow& row, FeedbackStatus status) {
  store_.remove_c2d_message(of.device.value, of.module.value, row.sequence_number);
  drop_delivered(of, row.sequence_number);
  observers_.tell(happening_of(status), of, [&row] { return message_detail(row); });
  if (wants(static_cast<C2dMessage::Ack>(row.ack), status)) feedback_.add(of, row.message_id, status);
}

// ---- locks and time
// ---------------------------------------------------------------------------------------------------

C2d::Delivered* C2d::find(const Identity& of, std::int64_t sequence_number) {
  const auto queue = delivered_.find(of);
  if (queue == delivered_.end()) return nullptr;
  for (Delivered& delivered : queue->second) {
    if (delivered.sequence_number == sequence_number) return &delivered;
  }
  return nullptr;
}

C2d::Delivered* C2d::find_locked(const Identity& of, std::string_view lock_token) {
  const auto queue = delivered_.find(of);
  if (queue == delivered_.end()) return nullptr;
  for (Delivered& delivered : queue->second) {
    if (delivered.locked && delivered.lock_token == lock_token) return &delivered;
  }
  return nullptr;
}

void C2d::drop_delivered(const Identity& of, std::int64_t sequence_number) {
  const auto queue = delivered_.find(of);
  if (queue == delivered_.end()) return;
  std::erase_if(queue->second,
                [&](const Delivered& delivered) { return delivered.sequence_number == sequence_number; });
  if (queue->second.empty()) delivered_.erase(queue);
}

void C2d::lose_lock(const Identity& of, Delivered& delivered) {
  delivered.locked = false;
  // Not by the message's row: a link may go while the store does not answer.
  observers_.tell(Happening::c2d_lock_lost, of, [&delivered] {
    return detail_text({{"lockToken", delivered.lock_token}}, {{"sequenceNumber", delivered.sequence_number}});
  });
}

void C2d::settle_due() {
  const Timestamp now = clock_.now();
  const bool locks_end = !lock_ends_.empty() && lock_ends_.front().at <= now;
  const bool messages_expire = next_expiry_ && *next_expiry_ <= now;
  if (!locks_end && !messages_expire) return;

  std::vector<Identity> enqueued;
  bool look_for_expired = messages_expire;
  while (!lock_ends_.empty() && lock_ends_.front().at <= now) {
    const LockEnd end = std::move(lock_ends_.front());
    lock_ends_.pop_front();
    Delivered* delivered = find_locked(end.identity, end.lock_token);
    if (delivered == nullptr) continue;
    // A locked message is not expired before the lock's own time: the device may still settle it.
    look_for_expired |= delivered->expiry <= now;
    if (delivered->while_connected) continue;
    lose_lock(end.identity, *delivered);
    enqueued.push_back(end.identity);
  }
  if (look_for_expired) {
    for (const storage::C2dRow& row : store_.expired_c2d_messages(now.ticks)) {
      const Identity identity = identity_of(row);
      const Delivered* delivered = find(identity, row.sequence_number);
      if (delivered != nullptr && delivered->locked && delivered->lock_ends > now) continue;
      finish(identity, row, FeedbackStatus::expired);
    }
    const std::optional<std::int64_t> next = store_.next_c2d_expiry(now.ticks);
    next_expiry_ = next ? std::optional(Timestamp{*next}) : std::nullopt;
  }
  watch();
  for (const Identity& identity : enqueued) push(identity);
}

void C2d::watch() {
  std::optional<Timestamp> next = next_expiry_;
  if (!lock_ends_.empty() && (!next || lock_ends_.front().at < *next)) next = lock_ends_.front().at;
  if (!next) return timer_.cancel();
  timer_.set(until(clock_.now(), *next), [this] {
    settle_due();
    watch();  // the clock may not be there yet
  });
}

void C2d::link_gone(const Identity& identity) {
  const auto queue = delivered_.find(identity);
  if (queue == delivered_.end()) return;
  const Timestamp now = clock_.now();
  for (Delivered& delivered : queue->second) {
    if (!delivered.locked || !delivered.pushed) continue;
    lose_lock(identity, delivered);
    if (delivered.expiry <= now) next_expiry_ = now;  // its expiry was put off for the lock: due now
  }
  watch();
}

void C2d::identity_removed(const Identity& identity) {
  std::erase_if(delivered_, [&](const auto& queue) {
    return identity.is_module() ? queue.first == identity : queue.first.device == identity.device;
  });
}

void C2d::forget() {
  next_expiry_ = clock_.now();
  watch();
}

void C2d::forget_delivered() {
  delivered_.clear();
  lock_ends_.clear();
  forget();
}

}  // namespace iothub::hub
