#pragma once
/// The user name of an MQTT CONNECT: which hub, which identity, which api-version (documentation: Use MQTT to
/// communicate with IoT Hub; python-sdk.md 5, node-sdk.md 5, java-csharp-c-sdk.md 4).
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"

namespace iothub::heads::mqtt_head {

struct UserName {
  std::string host;  ///< as said: may carry a port
  hub::Identity identity;
  std::string api_version;  ///< empty: not given
  std::string model_id;     ///< empty: not given
  std::string client_type;  ///< DeviceClientType: what the client calls itself; for the log
};

/// Reads `{host}/{deviceId}[/{moduleId}]`, then nothing, `/`, or `/[?]api-version=..&DeviceClientType=..&model-id=..`.
/// Ids are not percent-encoded; query values may be (Python encodes the model id, Node does not). Nothing when a part
/// is missing, an id or a percent sequence is malformed, or the model id is not printable ASCII.
std::optional<UserName> parse_user_name(std::string_view text);

}  // namespace iothub::heads::mqtt_head
