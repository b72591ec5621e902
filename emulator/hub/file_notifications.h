#pragma once
/// Notifications of uploaded files: one queue of the hub for the service side (rest.md 5.8, 6.7; corrections.md 10).
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/listeners.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

struct BlobProperties;

struct FileNotification {
  std::string lock_token;  ///< lower-case guid, another one for each lock
  Timestamp enqueued_time;
  std::string body;        ///< JSON: `{"deviceId","blobUri","blobName","lastUpdatedTime","blobSizeInBytes",..}`
  int delivery_count = 0;  ///< how often it was given out before
};

/// Kept in the store for an hour. Locks live in memory: after a restart all are available again.
class FileNotifications {
 public:
  FileNotifications(storage::Store& store, const Clock& clock, Scheduler& scheduler, RandomSource& random);
  FileNotifications(const FileNotifications&) = delete;
  FileNotifications& operator=(const FileNotifications&) = delete;

  void add(const DeviceId& device, const std::string& blob_name, const std::string& blob_uri,
           const BlobProperties& blob);

  /// Locks the oldest one for 60 s; nothing when none is available. The tenth delivery is the last.
  std::optional<FileNotification> receive();
  // 412002 when the lock is lost.
  Result<void> complete(std::string_view lock_token);
  Result<void> abandon(std::string_view lock_token);

  using Listener = Listeners<>::Listener;
  /// `available` is called, inside hub calls and timers, each time a notification has become available: added,
  /// abandoned, or its lock ended. Another may have taken it already. What is available at the time of the call is not
  /// told: call receive() once first.
  [[nodiscard]] Listener listen(std::function<void()> available) { return available_.add(std::move(available)); }

 private:
  struct Lock {
    std::string id;
    Timestamp until;
  };
  bool is_locked(const std::string& id) const;
  void end_locks();
  void wait_for_locks();

  storage::Store& store_;
  const Clock& clock_;
  RandomSource& random_;
  std::map<std::string, Lock, std::less<>> locks_;  ///< by lock token
  Timer lock_end_;
  Listeners<> available_;
};

}  // namespace iothub::hub
