#pragma once
/// Blobs of another storage service over cpp-httplib, blocking (documentation: Blob Storage REST API).
#include "emulator/hub/blobs/remote_blobs.h"
#include "emulator/hub/blobs/remote_storage.h"

namespace iothub::app {

class RemoteBlobClient final : public hub::RemoteBlobs {
 public:
  std::optional<Found> head(const std::string& url) override;
  void get(const std::string& url, const std::filesystem::path& into) override;
  void put(const std::string& url, const std::filesystem::path& from) override;
  void create_container(const std::string& url) override;
};

/// `DefaultEndpointsProtocol=..;AccountName=..;AccountKey=..[;BlobEndpoint=..][;EndpointSuffix=..]`, or
/// `UseDevelopmentStorage=true`. Throws std::invalid_argument.
hub::RemoteStorageOptions parse_storage_connection_string(const std::string& text);

}  // namespace iothub::app
