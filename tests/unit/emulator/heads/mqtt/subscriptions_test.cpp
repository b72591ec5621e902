#include "emulator/heads/mqtt/subscriptions.h"

#include <doctest/doctest.h>

using namespace iothub::heads::mqtt_head;
using iothub::hub::Identity;

namespace {

const Identity kDevice{{"d1"}, {}};
const Identity kModule{{"d1"}, {"m1"}};

}  // namespace

TEST_CASE("a device may subscribe to what the SDKs subscribe to") {
  CHECK(subscription_of("devices/d1/messages/devicebound/#", kDevice) == Subscription::devicebound);
  CHECK(subscription_of("devices/+/messages/devicebound/#", kDevice) == Subscription::devicebound);
  CHECK(subscription_of("$iothub/methods/POST/#", kDevice) == Subscription::method_requests);
  CHECK(subscription_of("$iothub/twin/res/#", kDevice) == Subscription::twin_responses);
  CHECK(subscription_of("$iothub/twin/PATCH/properties/desired/#", kDevice) == Subscription::desired_patches);
}

TEST_CASE("a module may subscribe to its own messages and inputs, and to the common topics") {
  CHECK(subscription_of("devices/d1/modules/m1/messages/devicebound/#", kModule) == Subscription::devicebound);
  CHECK(subscription_of("devices/d1/modules/m1/inputs/#", kModule) == Subscription::inputs);
  CHECK(subscription_of("devices/+/modules/+/inputs/#", kModule) == Subscription::inputs);
  CHECK(subscription_of("devices/d1/modules/m1/#", kModule) == Subscription::module_messages);
  CHECK(subscription_of("$iothub/methods/POST/#", kModule) == Subscription::method_requests);
}

TEST_CASE("filters of other identities and of a general broker are foreign") {
  for (const char* filter :
       {"", "#", "+", "tema", "devices/#", "devices/d2/messages/devicebound/#", "devices/d11/messages/devicebound/#",
        "devices/d1/messages/#", "devices/d1/#", "devices/d1/messages/events/#", "devices/d1/modules/m1/inputs/#",
        "$iothub/#", "$iothub/twin/#", "$iothub/methods/res/#", "$iothub/twin/GET/#", "$iothub/twin/res"}) {
    CAPTURE(filter);
    CHECK_FALSE(subscription_of(filter, kDevice));
  }
  for (const char* filter : {"devices/d1/messages/devicebound/#", "devices/d1/modules/m2/inputs/#",
                             "devices/d2/modules/m1/inputs/#", "devices/d1/modules/m1", "devices/d1/modules/m11/#"}) {
    CAPTURE(filter);
    CHECK_FALSE(subscription_of(filter, kModule));
  }
}

TEST_CASE("subscriptions keep the last granted QoS until they are dropped") {
  Subscriptions held;
  CHECK_FALSE(held.granted(Subscription::twin_responses));
  CHECK(held.grant(Subscription::twin_responses, 1));
  CHECK_FALSE(held.grant(Subscription::twin_responses, 1));
  CHECK(held.grant(Subscription::twin_responses, 0));
  CHECK(held.granted(Subscription::twin_responses) == 0);
  CHECK(held.drop(Subscription::twin_responses));
  CHECK_FALSE(held.drop(Subscription::twin_responses));
  CHECK_FALSE(held.granted(Subscription::twin_responses));
}

TEST_CASE("subscriptions survive as text, and unknown lines are ignored") {
  Subscriptions held;
  held.grant(Subscription::devicebound, 1);
  held.grant(Subscription::desired_patches, 0);
  CHECK(held.to_text() == "devicebound 1\ndesired_patches 0\n");
  CHECK(Subscriptions::from_text(held.to_text()) == held);
  CHECK(Subscriptions::from_text("later 1\ndevicebound 1\n\ninputs 7\ninputs\ndesired_patches 0") == held);
  CHECK(Subscriptions::from_text("") == Subscriptions{});
  CHECK(Subscriptions{}.to_text().empty());
}
