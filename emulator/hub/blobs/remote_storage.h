#pragma once
/// A storage account elsewhere, such as an Azurite, as the hub's storage for uploads: the hub signs, the account keeps.
#include <functional>
#include <optional>
#include <string>

#include "emulator/hub/background.h"
#include "emulator/hub/blobs/blob_access.h"
#include "emulator/hub/blobs/remote_blobs.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/uploads.h"

namespace iothub::hub {

struct RemoteStorageOptions {
  std::string endpoint;  ///< `https://localhost:10000/devstoreaccount1`, without a slash at its end
  BlobAccountKey key;
  std::string container = "uploads";
};

class RemoteStorage final : public BlobStorage {
 public:
  /// All must outlive the storage. Makes the container in the background, where it is missing.
  RemoteStorage(RemoteStorageOptions options, RemoteBlobs& blobs, Background& background, const Clock& clock);

  BlobGrant grant(const std::string& blob_name, Timestamp expiry, const std::string& client_host) override;
  void properties(const std::string& blob_name, std::function<void(std::optional<BlobProperties>)> answer) override;

 private:
  const RemoteStorageOptions options_;
  RemoteBlobs& blobs_;
  Background& background_;
  const Clock& clock_;
};

}  // namespace iothub::hub
