#pragma once
/// How twin documents change: pure functions over parsed trees (rest.md 6.4, corrections.md 2).
#include <string_view>

#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "emulator/hub/twin.h"

namespace iothub::hub {

/// Merges a patch into `values` as RFC 7386 does; true when anything counts as a change. Presence decides, not values:
/// setting an equal value is a change, a null for an absent member or {} over an object is not (sdk-csharp #954,
/// sdk-node #64).
bool merge_patch(Json& values, const Json& patch);

/// Merges a patch into desired or reported; on a change moves `version` and stamps `$lastUpdated` (and, for desired,
/// `$lastUpdatedVersion`) on every touched node and its ancestors. False: nothing changed, nothing moved.
bool patch_properties(TwinProperties& properties, const Json& patch, std::string_view now, bool stamp_version);

/// Puts `replacement` in place of the values; always a change. Returns the patch that leads from old to new: every
/// member of the new document, and null for each that vanished, at every depth (sdk-csharp #954).
Json replace_properties(TwinProperties& properties, const Json& replacement, std::string_view now, bool stamp_version);

/// Copies a section of a request without its `$metadata`, `$version` and other `$` members at the root, which a
/// read-back twin carries and the hub ignores.
Json without_dollar_members(const Json& section);

}  // namespace iothub::hub
