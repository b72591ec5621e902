#pragma once
/// Containers, blobs and blocks as the store's documents.
#include <string>

#include "emulator/hub/blobs/blob.h"

namespace iothub::hub {

std::string to_document(const BlobContainer& container);
BlobContainer container_from_document(const std::string& name, const std::string& json);

std::string to_document(const Blob& blob);
Blob blob_from_document(const std::string& container, const std::string& name, const std::string& json);

std::string to_document(const BlobPart& block);
BlobPart block_from_document(const std::string& id, const std::string& json);

}  // namespace iothub::hub
