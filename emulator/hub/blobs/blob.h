#pragma once
/// Containers and block blobs as the storage service keeps them (documentation: Blob Storage REST API).
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/text/timestamp.h"

namespace iothub::hub {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

/// `"0x8DE2BD1C5A3F000"`, with its quotes.
std::string blob_etag(std::int64_t etag);

struct BlobContainer {
  std::string name;
  std::int64_t etag = 0;
  Timestamp modified;
  NamedValues metadata;
};

/// One file of a blob's content; a committed block, where it has an id.
struct BlobPart {
  std::string block_id;  ///< base64 as the client said it; empty: the blob was put in one piece
  std::string file;
  std::int64_t size = 0;
};

/// What a client may set and gets back as headers. Empty: not set.
struct BlobHeaders {
  std::string content_type = "application/octet-stream";
  std::string content_encoding, content_language, content_disposition, cache_control;
  std::string content_md5;  ///< base64
};

struct Blob {
  std::string container;
  std::string name;
  std::int64_t etag = 0;  ///< each write has another
  Timestamp created, modified;
  BlobHeaders headers;
  NamedValues metadata;
  std::vector<BlobPart> parts;

  std::int64_t size() const;
};

}  // namespace iothub::hub
