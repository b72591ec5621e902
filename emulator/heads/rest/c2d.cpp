// Cloud-to-device messages: the service's purge (rest.md 3, row 12; 5.8).
#include "emulator/hub/c2d.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {

void purge_c2d(Call& call) {
  const hub::Result<std::int64_t> purged = call.hub().c2d().purge(call.identity());
  if (!purged) return call.refuse(purged.error());
  call.answer({{"deviceId", call.id(0)}, {"totalMessagesPurged", *purged}});
}

}  // namespace iothub::heads::rest
