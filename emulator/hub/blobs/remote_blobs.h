#pragma once
/// Blobs of another storage service, reached over HTTP by whoever implements this.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "protocol/text/timestamp.h"

namespace iothub::hub {

/// The other service refused, or cannot be reached: one line for a person.
class RemoteBlobError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All calls block and may come from any one thread; URLs carry their SAS. All throw RemoteBlobError.
class RemoteBlobs {
 public:
  struct Found {
    std::int64_t size = 0;
    Timestamp last_modified;
  };

  virtual ~RemoteBlobs() = default;
  /// Nothing when there is no such blob in a container that is there.
  virtual std::optional<Found> head(const std::string& url) = 0;
  virtual void get(const std::string& url, const std::filesystem::path& into) = 0;
  virtual void put(const std::string& url, const std::filesystem::path& from) = 0;
  /// One that is there already is fine.
  virtual void create_container(const std::string& url) = 0;
};

}  // namespace iothub::hub
