#include "emulator/hub/file_notifications.h"

#include <algorithm>
#include <utility>

#include "emulator/hub/guid.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/uploads.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr const char* kKind = "file_notification";

/// `2016-06-01T21:22:41+00:00`: the Java SDK reads no decimals here.
std::string whole_seconds(Timestamp time) {
  return text::iso_time(time).substr(0, 19) + "+00:00";
}

}  // namespace

FileNotifications::FileNotifications(storage::Store& store, const Clock& clock, Scheduler& scheduler,
                                     RandomSource& random)
    : store_(store), clock_(clock), random_(random), lock_end_(scheduler) {}

void FileNotifications::add(const DeviceId& device, const std::string& blob_name, const std::string& blob_uri,
                            const BlobProperties& blob) {
  const Timestamp now = clock_.now();
  Json body;
  body["deviceId"] = device.value;
  body["blobUri"] = blob_uri;
  body["blobName"] = blob_name;
  body["lastUpdatedTime"] = whole_seconds(blob.last_modified);
  body["blobSizeInBytes"] = blob.size;
  body["enqueuedTimeUtc"] = text::iso_time(now);
  // Ticks of these centuries have 18 digits, so the ids' order is the time's.
  const std::string id = std::to_string(now.ticks) + "-" + new_guid(random_);
  store_.put_document(kKind, id, dump({{"enqueued", now.ticks}, {"deliveries", 0}, {"body", dump(body)}}));
  available_.tell();
}

bool FileNotifications::is_locked(const std::string& id) const {
  return std::any_of(locks_.begin(), locks_.end(), [&](const auto& lock) { return lock.second.id == id; });
}

std::optional<FileNotification> FileNotifications::receive() {
  const Timestamp now = clock_.now();
  std::erase_if(locks_, [&](const auto& lock) { return lock.second.until <= now; });
  for (const storage::Store::Document& document : store_.documents(kKind)) {
    Json stored = Json::parse(document.json);
    const Timestamp enqueued{stored["enqueued"].get<std::int64_t>()};
    const int deliveries = stored["deliveries"].get<int>();
    if (is_locked(document.id)) continue;
    if (enqueued.plus_seconds(kFileNotificationSeconds) <= now || deliveries >= kMaxFileNotificationDeliveries) {
      store_.remove_document(kKind, document.id);
      continue;
    }
    stored["deliveries"] = deliveries + 1;
    store_.put_document(kKind, document.id, dump(stored));
    std::string token = new_guid(random_);
    locks_.emplace(token, Lock{document.id, now.plus_seconds(kFileNotificationLockSeconds)});
    wait_for_locks();
    return FileNotification{std::move(token), enqueued, stored["body"].get<std::string>(), deliveries};
  }
  return std::nullopt;
}

Result<void> FileNotifications::complete(std::string_view lock_token) {
  const auto lock = locks_.find(lock_token);
  if (lock == locks_.end() || lock->second.until <= clock_.now()) return lock_lost();
  store_.remove_document(kKind, lock->second.id);
  locks_.erase(lock);
  return {};
}

Result<void> FileNotifications::abandon(std::string_view lock_token) {
  const auto lock = locks_.find(lock_token);
  if (lock == locks_.end() || lock->second.until <= clock_.now()) return lock_lost();
  locks_.erase(lock);
  available_.tell();
  return {};
}

void FileNotifications::wait_for_locks() {
  if (locks_.empty() || lock_end_.is_set()) return;
  const auto first = std::min_element(locks_.begin(), locks_.end(),
                                      [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
  const std::int64_t milliseconds = (first->second.until.ticks - clock_.now().ticks) / (Timestamp::kPerSecond / 1000);
  lock_end_.set(std::chrono::milliseconds(std::max<std::int64_t>(milliseconds, 0) + 1), [this] { end_locks(); });
}

void FileNotifications::end_locks() {
  const std::size_t ended =
      std::erase_if(locks_, [now = clock_.now()](const auto& lock) { return lock.second.until <= now; });
  wait_for_locks();
  if (ended > 0) available_.tell();
}

}  // namespace iothub::hub
