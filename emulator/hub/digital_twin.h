#pragma once
/// The digital twin view of a device twin (documentation: Understand digital twins, IoT Plug and Play; rest.md 6.9).
#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/json.h"
#include "emulator/hub/twin.h"

namespace iothub::hub {

/// The document of GET /digitaltwins/{id}: reported values, components with their own `$metadata`, desired ones in the
/// metadata.
Json digital_twin_document(const DeviceId& device, const Twin& twin);

/// What lies between two such documents, as a JSON Patch: metadata first, whole components and values of properties.
/// Empty when nothing does.
Json digital_twin_change(const Json& before, const Json& after);

/// Turns a JSON Patch of a digital twin (add, replace, remove of properties and components) into a merge patch of the
/// desired properties. 400505 for what is no JSON Patch, 400508 for a path, 400506 for a value that a digital twin
/// cannot hold.
Result<Json> desired_patch_of(const Json& json_patch);

}  // namespace iothub::hub
