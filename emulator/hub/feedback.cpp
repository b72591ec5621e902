#include "emulator/hub/feedback.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "emulator/hub/guid.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/until.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

/// Of the records that the store holds for a batch that is not formed yet.
constexpr std::int64_t kNoBatch = 0;

Timestamp batch_due(std::int64_t first_time) {
  return Timestamp{first_time}.plus_seconds(kFeedbackBatchSeconds);
}

bool is_expired(std::int64_t enqueued_time, Timestamp now) {
  return Timestamp{enqueued_time}.plus_seconds(kFeedbackTtlSeconds) <= now;
}

}  // namespace

std::string_view to_string(WaitingFeedback::State state) {
  switch (state) {
    case WaitingFeedback::State::collecting:
      return "collecting";
    case WaitingFeedback::State::available:
      return "available";
    case WaitingFeedback::State::locked:
      return "locked";
  }
  return "collecting";
}

std::string_view to_string(FeedbackStatus status) {
  switch (status) {
    case FeedbackStatus::success:
      return "Success";
    case FeedbackStatus::expired:
      return "Expired";
    case FeedbackStatus::delivery_count_exceeded:
      return "DeliveryCountExceeded";
    case FeedbackStatus::rejected:
      return "Rejected";
    case FeedbackStatus::purged:
      return "Purged";
  }
  return "Success";
}

Feedback::Feedback(storage::Store& store, IdentityCache& identities, const Clock& clock, Scheduler& scheduler,
                   RandomSource& random, Observers& observers)
    : store_(store), identities_(identities), clock_(clock), random_(random), observers_(observers), timer_(scheduler) {
  watch();
}

void Feedback::add(const Identity& about, std::string_view message_id, FeedbackStatus status) {
  const storage::IdentityRow* device = identities_.find({about.device});
  if (device == nullptr) return;
  const Timestamp now = clock_.now();
  Json record = Json::object();
  if (!message_id.empty()) record["originalMessageId"] = message_id;
  record["description"] = to_string(status);
  record["deviceGenerationId"] = device->generation_id;
  record["deviceId"] = about.device.value;
  record["enqueuedTimeUtc"] = text::iso_time(now);
  record["statusCode"] = to_string(status);
  const std::string json = dump(record);
  store_.append_feedback(about.device.value, about.module.value, now.ticks, json);
  observers_.tell(Happening::feedback, about, [&json] { return json; });
  settle_due();
}

bool Feedback::is_locked(std::int64_t batch) const {
  return std::any_of(locks_.begin(), locks_.end(), [&](const auto& lock) { return lock.second.batch == batch; });
}

std::vector<WaitingFeedback> Feedback::look(std::size_t limit) const {
  std::vector<WaitingFeedback> looked_at;
  const auto add_newest = [&](std::int64_t batch, WaitingFeedback::State state, std::int64_t delivery_count) {
    std::vector<std::string> records = store_.feedback_records(batch);
    for (auto record = records.rbegin(); record != records.rend() && looked_at.size() < limit; ++record) {
      looked_at.push_back({std::move(*record), state, static_cast<int>(delivery_count)});
    }
  };
  add_newest(kNoBatch, WaitingFeedback::State::collecting, 0);
  const std::vector<storage::FeedbackBatchRow> batches = store_.feedback_batches();
  for (auto batch = batches.rbegin(); batch != batches.rend() && looked_at.size() < limit; ++batch) {
    if (is_expired(batch->enqueued_time, clock_.now())) continue;
    const auto state = is_locked(batch->id) ? WaitingFeedback::State::locked : WaitingFeedback::State::available;
    add_newest(batch->id, state, batch->delivery_count);
  }
  return looked_at;
}

std::optional<FeedbackBatch> Feedback::receive() {
  settle_due();
  const Timestamp now = clock_.now();
  for (const storage::FeedbackBatchRow& row : store_.feedback_batches()) {
    if (is_locked(row.id)) continue;
    const std::vector<std::string> records = store_.feedback_records(row.id);
    if (is_expired(row.enqueued_time, now) || records.empty()) {  // no records: their devices are gone
      store_.remove_feedback_batch(row.id);
      continue;
    }
    FeedbackBatch batch{new_guid(random_), {row.enqueued_time}, "[", static_cast<int>(row.delivery_count)};
    for (const std::string& record : records) {
      if (batch.body.size() > 1) batch.body += ',';
      batch.body += record;
    }
    batch.body += ']';
    locks_.emplace(batch.lock_token, Lock{row.id, now.plus_seconds(kC2dLockSeconds)});
    watch();
    return batch;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Feedback::take_lock(std::string_view lock_token) {
  settle_due();
  const auto found = locks_.find(std::string(lock_token));
  if (found == locks_.end()) return std::nullopt;
  const std::int64_t batch = found->second.batch;
  locks_.erase(found);
  return batch;
}

Result<void> Feedback::complete(std::string_view lock_token) {
  const std::optional<std::int64_t> batch = take_lock(lock_token);
  if (!batch) return lock_lost();
  store_.remove_feedback_batch(*batch);
  return {};
}

Result<void> Feedback::reject(std::string_view lock_token) {
  return complete(lock_token);  // dead-lettered feedback is read by nobody
}

Result<void> Feedback::abandon(std::string_view lock_token) {
  const std::optional<std::int64_t> batch = take_lock(lock_token);
  if (!batch) return lock_lost();
  for (const storage::FeedbackBatchRow& row : store_.feedback_batches()) {
    if (row.id != *batch) continue;
    if (row.delivery_count + 1 >= kMaxC2dDeliveries) {
      store_.remove_feedback_batch(row.id);
    } else {
      store_.set_feedback_delivery_count(row.id, row.delivery_count + 1);
      available_.tell();
    }
    break;
  }
  return {};
}

void Feedback::settle_due() {
  const Timestamp now = clock_.now();
  bool available = std::erase_if(locks_, [&](const auto& lock) { return lock.second.ends <= now; }) > 0;
  const storage::FeedbackWaiting waiting = store_.waiting_feedback();
  if (waiting.count >= kMaxFeedbackRecords || (waiting.count > 0 && batch_due(waiting.first_time) <= now)) {
    remove_expired_batches();  // of a hub whose feedback nobody reads
    store_.form_feedback_batch(now.ticks, kMaxFeedbackRecords);
    available = true;
  }
  watch();
  if (available) available_.tell();
}

void Feedback::remove_expired_batches() {
  for (const storage::FeedbackBatchRow& row : store_.feedback_batches()) {
    if (is_expired(row.enqueued_time, clock_.now()) && !is_locked(row.id)) store_.remove_feedback_batch(row.id);
  }
}

void Feedback::watch() {
  const storage::FeedbackWaiting waiting = store_.waiting_feedback();
  std::optional<Timestamp> next;
  if (waiting.count > 0) next = batch_due(waiting.first_time);
  for (const auto& [token, lock] : locks_) next = next ? std::min(*next, lock.ends) : lock.ends;
  if (!next) return timer_.cancel();
  timer_.set(until(clock_.now(), *next), [this] { settle_due(); });
}

void Feedback::forget() {
  locks_.clear();
  timer_.set(std::chrono::milliseconds{0}, [this] { settle_due(); });
}

}  // namespace iothub::hub
