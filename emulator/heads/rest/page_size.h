#pragma once
/// The paging header of query operations (rest.md 7.2).
#include <cstdint>
#include <optional>

#include "emulator/heads/rest/call.h"

namespace iothub::heads::rest {

/// x-ms-max-item-count; nothing when it is absent. 400004 when it is not a number from 1.
hub::Result<std::optional<std::int64_t>> page_size_of(const Call& call);

}  // namespace iothub::heads::rest
