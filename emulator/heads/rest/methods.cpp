// Direct methods (rest.md 3, rows 18 and 19): answered when the device has answered.
#include "emulator/hub/methods.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {

void invoke_method(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  hub::Result<hub::MethodCall> method = hub::MethodCall::from_json(*body);
  if (!method) return call.refuse(method.error());

  hub::Methods& methods = call.hub().methods();
  const auto done = [kept = call.shared_from_this()](hub::Result<hub::MethodAnswer> answer) {
    if (!answer) return kept->refuse(answer.error());
    kept->answer({{"status", answer->status}, {"payload", answer->payload}});
  };
  const std::uint64_t id = methods.invoke(call.identity(), std::move(*method), done);
  if (id != 0) call.on_abandon([&methods, id] { methods.cancel(id); });
}

}  // namespace iothub::heads::rest
