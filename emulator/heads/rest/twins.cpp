// Twins of devices and modules (rest.md 3, rows 14-17). Their answers carry no ETag header (recorded).
#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/twin_json.h"

namespace iothub::heads::rest {
namespace {

void answer_twin(Call& call, const hub::Result<hub::TwinView>& twin) {
  if (!twin) return call.refuse(twin.error());
  hub::Json document = hub::twin_to_json(*twin);
  if (call.is_older_than(kPlugAndPlay)) document.erase("modelId");
  call.answer(document);
}

}  // namespace

void get_twin(Call& call) {
  answer_twin(call, call.hub().twins().get(call.identity()));
}

void patch_twin(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  answer_twin(call, call.hub().twins().patch(call.identity(), *body, call.if_match()));
}

void replace_twin(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  answer_twin(call, call.hub().twins().replace(call.identity(), *body, call.if_match()));
}

}  // namespace iothub::heads::rest
