#include "emulator/hub/uploads.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/throttle.h"

namespace iothub::heads::rest {
namespace {

void complete(Call& call, std::string_view correlation_id) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  const hub::Result<void> done = call.hub().uploads().complete(call.device().identity.device, correlation_id, *request);
  if (!done) return call.refuse(done.error());
  call.hub().throttle().charge(0);
  call.answer_no_content();
}

}  // namespace

void begin_upload(Call& call) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  const hub::Result<hub::Json> begun = call.hub().uploads().begin(call.device().identity.device, *request);
  if (!begun) return call.refuse(begun.error());
  call.answer(*begun);
}

void complete_upload(Call& call) {
  complete(call, {});
}

void complete_upload_of_path(Call& call) {
  complete(call, call.id(1));
}

}  // namespace iothub::heads::rest
