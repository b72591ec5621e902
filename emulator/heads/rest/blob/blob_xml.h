#pragma once
/// The XML documents of the storage service (documentation: Put Block List, Get Block List, List Blobs, List
/// Containers, Status and error codes).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/blobs/blob.h"
#include "emulator/hub/blobs/blob_account.h"

namespace iothub::heads::rest {

/// `<BlockList><Latest>id</Latest>...</BlockList>`; nothing for what is no such document.
std::optional<std::vector<hub::BlockChoice>> read_block_list(std::string_view xml);

std::string error_xml(std::string_view code, std::string_view message, std::string_view request_id, Timestamp now,
                      std::string_view detail);

/// What GET ?comp=blocklist shows; a list that was not asked for is null.
std::string block_list_xml(const std::vector<hub::BlobPart>* committed, const std::vector<hub::BlobPart>* uncommitted);

/// How a listing was asked for, to be said again. All UTF-8. A marker is the name that a page begins with; on the wire
/// it is percent-encoded, as XML cannot hold every name.
struct ListRequest {
  std::string endpoint;  ///< `https://host/account/`
  std::string prefix, delimiter, marker;
  std::optional<std::size_t> max_results;
  bool with_metadata = false;
};

std::string containers_xml(const ListRequest& request, const std::vector<hub::BlobContainer>& containers,
                           std::string_view next_marker);
std::string blobs_xml(const ListRequest& request, std::string_view container, const std::vector<hub::Blob>& blobs,
                      const std::vector<std::string>& prefixes, std::string_view next_marker);

}  // namespace iothub::heads::rest
