#pragma once
/// Says for a message why each route takes it or not, and where it goes. Nothing is sent.
#include "emulator/hub/json.h"
#include "emulator/hub/routing/routes.h"
#include "storage/rows.h"

namespace iothub::hub {
struct Twin;
}

namespace iothub::hub::routing {

/// `{"routes":[..],"fallbackRoute":{..},"endpoints":["events"]}`. Each route is `{"name","source","isEnabled",
/// "takesSource","taken","endpointNames","condition"}`, the last as query::explain() has it; the fallback route has
/// `needed` too: whether no other route took the message. The twin may be null: its sender has none then.
Json explain(const Routes& routes, const storage::EventRow& event, const Twin* twin);

/// A message as ARM's route test takes it: `{"body","appProperties","systemProperties"}`, names of system properties as
/// conditions write them (`contentType`, `connectionDeviceId`) or as they are stored (`content-type`). A body that is
/// no string is JSON, and its content type and encoding say so unless they are given. `source` is ARM's name
/// (`DeviceMessages`). 400004 for anything else.
Result<storage::EventRow> test_message(const Json& message, std::string_view source);

}  // namespace iothub::hub::routing
