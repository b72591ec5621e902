#pragma once
/// Many identities in one request: POST /devices and POST /devices/keys/regenerate (rest.md 3 rows 5 and 13, 5.8).
#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "emulator/hub/registry.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {

/// Runs each entry by its importMode; one that fails does not stop the others. The answer's `isSuccessful` says whether
/// all went well. Refused as a whole: more than 100 entries (413002), a device named twice (400011), a body that is no
/// array (400004).
Result<Json> run_bulk(Registry& registry, Twins& twins, const Json& entries);

/// One entry by its importMode; what did not stop it is appended to `warnings`.
Result<void> run_bulk_entry(Registry& registry, Twins& twins, const Json& entry, Json& warnings);
/// `{"deviceId","moduleId","errorCode":<number>,"errorStatus"}`, as bulk answers and import logs write it.
Json bulk_error(const Json& entry, const HubError& error);

struct Regeneration {
  Json body;
  int http_status = 200;  ///< 200 all, 207 some, 400 none
};
/// New keys for many identities. Refused as a whole: an unknown policyKey (400035), more than 100 entries (413002).
Result<Regeneration> regenerate_keys(Registry& registry, const Json& body);

}  // namespace iothub::hub
