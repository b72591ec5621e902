#pragma once
/// What the source or target of a link names (amqp.md 2.4, 2.5, 2.8).
#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"

namespace iothub::heads::amqp_head {

struct LinkAddress {
  enum class Kind : std::uint8_t {
    unknown,
    cbs,
    management,
    partition,     ///< {event hub}/ConsumerGroups/{group}/Partitions/{partition}
    hub_events,    ///< /messages/events/...: served by the event hub, behind a redirect
    event_hub,     ///< {event hub}[/Partitions/{partition}]: where event hubs take events
    c2d_send,      ///< /messages/devicebound
    feedback,      ///< /messages/serviceBound/feedback
    file_notices,  ///< /messages/serviceBound/filenotifications
    events,        ///< /devices/{d}[/modules/{m}]/messages/events
    c2d,           ///< /devices/{d}[/modules/{m}]/messages/devicebound
    methods,       ///< /devices/{d}[/modules/{m}]/methods/devicebound
    twin,          ///< /devices/{d}[/modules/{m}]/twin
  };
  Kind kind = Kind::unknown;
  hub::Identity identity;
  std::string event_hub;
  std::string group;
  std::string partition;
  std::string path;  ///< without scheme, host and leading slash, as the client wrote it
};

/// Takes `amqps://host/path`, `/path` and `path`; the fixed words in any case, ids percent-encoded or not.
LinkAddress parse_link_address(std::string_view address);

}  // namespace iothub::heads::amqp_head
