#include "emulator/hub/fault_injection.h"

#include <doctest/doctest.h>

using namespace iothub::hub;

TEST_CASE("every fault is read back by the name the SDKs write, in any case") {
  for (const char* name : {"KillTcp", "KillAmqpConnection", "KillAmqpSession", "KillAmqpCBSLinkReq",
                           "KillAmqpCBSLinkResp", "KillAmqpD2CLink", "KillAmqpC2DLink", "KillAmqpTwinLinkReq",
                           "KillAmqpTwinLinkResp", "KillAmqpMethodReqLink", "KillAmqpMethodRespLink", "ShutDownAmqp",
                           "ShutDownMqtt", "InvokeThrottling", "InvokeMaxMessageQuota", "InvokeAuthError"}) {
    const auto fault = fault_of({{"AzIoTHub_FaultOperationType", name}});
    REQUIRE(fault.has_value());
    REQUIRE(fault->has_value());
    CHECK(name_of((*fault)->type) == name);
  }
  CHECK((*fault_of({{"AzIoTHub_FaultOperationType", "KillAmqpc2dLink"}}))->type == FaultType::kill_amqp_c2d_link);
}

TEST_CASE("reason and times of a fault") {
  const auto fault = fault_of({{"other", "1"},
                               {"AzIoTHub_FaultOperationType", "KillTcp"},
                               {"AzIoTHub_FaultOperationCloseReason", "Boom"},
                               {"AzIoTHub_FaultOperationDelayInSecs", "2"},
                               {"AzIoTHub_FaultOperationDurationInSecs", "100000"}});
  REQUIRE(fault.has_value());
  REQUIRE(fault->has_value());
  CHECK((*fault)->reason == "Boom");
  CHECK((*fault)->delay == std::chrono::seconds{2});
  CHECK((*fault)->duration == std::chrono::seconds{100000});
}

TEST_CASE("ordinary telemetry asks for no fault") {
  const auto fault = fault_of({{"AzIoTHub_FaultOperationDelayInSecs", "x"}, {"color", "red"}});
  REQUIRE(fault.has_value());
  CHECK_FALSE(fault->has_value());
}

TEST_CASE("an unknown fault and a time that is no number are refused") {
  CHECK_FALSE(fault_of({{"AzIoTHub_FaultOperationType", "Kill"}}).has_value());
  for (const char* time : {"", "x", "1.5", "-1", "1000001", "99999999999999999999999"}) {
    CHECK_FALSE(fault_of({{"AzIoTHub_FaultOperationType", "KillTcp"}, {"AzIoTHub_FaultOperationDelayInSecs", time}})
                    .has_value());
    CHECK_FALSE(fault_of({{"AzIoTHub_FaultOperationType", "KillTcp"}, {"AzIoTHub_FaultOperationDurationInSecs", time}})
                    .has_value());
  }
}
