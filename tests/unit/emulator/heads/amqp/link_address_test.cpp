#include "emulator/heads/amqp/link_address.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::amqp_head;
using Kind = LinkAddress::Kind;

TEST_CASE("every address form of the SDKs is read, with or without scheme, host and slash, in any case") {
  struct Row {
    const char* address;
    Kind kind;
    const char* name;  ///< of the identity, or the event hub
  };
  for (const Row& row : {
           Row{"$cbs", Kind::cbs, ""},
           Row{"amqps://localhost/$cbs", Kind::cbs, ""},
           Row{"$management", Kind::management, ""},
           Row{"localhost/$management", Kind::management, "localhost"},
           Row{"amqps://localhost:5671/hub/ConsumerGroups/$Default/Partitions/0", Kind::partition, "hub"},
           Row{"hub/consumergroups/$default/partitions/0", Kind::partition, "hub"},
           Row{"/messages/events/$management", Kind::hub_events, ""},
           Row{"/messages/events/ConsumerGroups/$Default/Partitions/1", Kind::hub_events, ""},
           Row{"hub", Kind::event_hub, "hub"},
           Row{"hub/Partitions/1", Kind::event_hub, "hub"},
           Row{"/messages/devicebound", Kind::c2d_send, ""},
           Row{"amqps://localhost/messages/deviceBound/", Kind::c2d_send, ""},
           Row{"/messages/serviceBound/feedback", Kind::feedback, ""},
           Row{"/messages/servicebound/filenotifications", Kind::file_notices, ""},
           Row{"/devices/d1/messages/events", Kind::events, "d1"},
           Row{"/devices/d1/modules/m1/messages/events", Kind::events, "d1/m1"},
           Row{"/devices/a%2Fb/messages/deviceBound", Kind::c2d, "a/b"},
           Row{"/devices/d1/methods/devicebound", Kind::methods, "d1"},
           Row{"/devices/d1/modules/m1/twin", Kind::twin, "d1/m1"},
           Row{"/devices/d1/unknown", Kind::unknown, ""},
           Row{"", Kind::unknown, ""},
       }) {
    CAPTURE(row.address);
    const LinkAddress address = parse_link_address(row.address);
    CHECK(address.kind == row.kind);
    CHECK((address.identity.device.value.empty() ? address.event_hub : address.identity.name()) == row.name);
  }
}
