#pragma once
/// Device and module identities on the wire (rest.md 5.1 and 5.2: recorded member order).
#include "emulator/hub/json.h"
#include "emulator/hub/registry.h"

namespace iothub::hub {

Json device_to_json(const IdentityView& device);
Json module_to_json(const IdentityView& module);
Json identity_to_json(const IdentityView& identity);

/// Reads a PUT body. Refuses (400004) a body whose ids differ from the path's, unknown statuses and types, bad keys and
/// thumbprints. Server-assigned and unknown members are ignored; empty keys mean "generate".
Result<IdentityWrite> identity_from_json(const Json& body, const Identity& identity);

}  // namespace iothub::hub
