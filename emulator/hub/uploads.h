#pragma once
/// File upload: a device asks where to put a blob and says how that went; of a blob that arrived the service side is
/// notified (documentation: Upload files with IoT Hub; rest.md 4, 6.7; corrections.md 8).
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/file_notifications.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/json.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

/// Where a device may put one blob. Clients join `https://{host_name}/{container}/{blob_name}{sas_token}`.
struct BlobGrant {
  std::string host_name;  ///< may have a port and a path: `localhost:10000/devstoreaccount1`
  std::string container;
  std::string sas_token;  ///< begins with `?`
};

struct BlobProperties {
  std::int64_t size = 0;
  Timestamp last_modified;
};

/// The storage account behind the hub.
class BlobStorage {
 public:
  virtual ~BlobStorage() = default;
  /// `client_host` is how the device calls the hub: its name, and a port that is not 443.
  virtual BlobGrant grant(const std::string& blob_name, Timestamp expiry, const std::string& client_host) = 0;
  /// Answers at once or later; with nothing when there is no such blob.
  virtual void properties(const std::string& blob_name, std::function<void(std::optional<BlobProperties>)> answer) = 0;
};

class Uploads {
 public:
  using Answer = std::function<void(Result<void>)>;

  Uploads(storage::Store& store, const Clock& clock, Scheduler& scheduler, RandomSource& random);

  /// Outlives the uploads. Without one nothing can be uploaded, as on a hub without a storage account.
  void use_storage(BlobStorage& storage) { storage_ = &storage; }

  /// `{"blobName":".."}` to `{"correlationId","hostName","containerName","blobName","sasToken"}`. Refuses with 400014
  /// without storage, 400004 for a bad name, 403006 while ten uploads of the device are neither completed nor expired.
  Result<Json> begin(const DeviceId& device, const Json& request, const std::string& client_host);

  /// `{"correlationId","isSuccess","statusCode","statusDescription"}` ends the upload; `correlation_id` is the path's,
  /// empty where the body's counts. Refuses with 400015 an unknown upload, 400016 an expired one, 400019 a body without
  /// isSuccess, 400020 a success whose blob is not there; the upload stays active after the last two.
  /// Answered at once, or when a storage that is elsewhere has told of the blob.
  void complete(const DeviceId& device, std::string_view correlation_id, const Json& request, Answer answer);

  /// A device that is made again under the same name begins with none.
  void device_removed(const DeviceId& device);

  FileNotifications& notifications() { return notifications_; }

 private:
  std::int64_t count_active(const std::string& kind);
  Result<void> finish(const DeviceId& device, const std::string& id, const std::optional<BlobProperties>& properties);

  storage::Store& store_;
  const Clock& clock_;
  RandomSource& random_;
  FileNotifications notifications_;
  BlobStorage* storage_ = nullptr;
};

}  // namespace iothub::hub
