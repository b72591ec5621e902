#include "emulator/hub/uploads.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/throttle.h"

namespace iothub::heads::rest {
namespace {

/// As the device said it, so that the storage is found by the same name and port.
std::string host_of(const Call& call) {
  if (!call.target().authority.empty()) return call.target().authority;
  return std::string(http::find(call.request().headers, "Host").value_or(call.hub().host_name()));
}

void complete(Call& call, std::string_view correlation_id) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  call.hub().uploads().complete(call.device().identity.device, correlation_id, *request,
                                [kept = call.shared_from_this()](hub::Result<void> done) {
                                  if (!done) return kept->refuse(done.error());
                                  kept->hub().throttle().charge(0);
                                  kept->answer_no_content();
                                });
}

}  // namespace

void begin_upload(Call& call) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  const hub::Result<hub::Json> begun =
      call.hub().uploads().begin(call.device().identity.device, *request, host_of(call));
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
