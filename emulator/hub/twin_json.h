#pragma once
/// Twins on the wire (rest.md 5.3: recorded member order).
#include <string>

#include "emulator/hub/json.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {

/// What the service reads: GET, PATCH and PUT of /twins.
Json twin_to_json(const TwinView& view);
/// A row of a query: a module's twin has `capabilities` there, and there only (recorded).
Json twin_row_to_json(const TwinView& view);

/// What the device reads: `{"desired":{...,"$version":n},"reported":{...,"$version":n}}`, no metadata, no tags.
std::string device_twin_text(const Twin& twin);

}  // namespace iothub::hub
