// Many identities in one request (rest.md 3, rows 5 and 13).
#include "emulator/hub/bulk.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {

void bulk_identities(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::Json> result = hub::run_bulk(call.hub().registry(), call.hub().twins(), *body);
  if (!result) return call.refuse(result.error());
  if ((*result)["isSuccessful"].get<bool>()) return call.answer(*result);
  // The C# SDK takes a 400 for an answer, not an exception, by this header in its own spelling.
  const std::string code(name_of(hub::ErrorCode::BulkRegistryOperationFailure));
  call.answer(*result, {{"iothub-errorcode", code}, {"IotHubErrorCode", code}}, 400);
}

void regenerate_keys(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::Regeneration> result = hub::regenerate_keys(call.hub().registry(), *body);
  if (!result) return call.refuse(result.error());
  if (result->http_status == 200) return call.answer(result->body);
  const std::string code(name_of(hub::ErrorCode::BulkRegenerateDeviceKeyOperationFailure));
  call.answer(result->body, {{"iothub-errorcode", code}}, result->http_status);
}

}  // namespace iothub::heads::rest
