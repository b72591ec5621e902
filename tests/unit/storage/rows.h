#pragma once
#include <string>
#include <utility>

#include "storage/rows.h"
#include "tests/unit/support/temporary_folder.h"

namespace iothub::storage::test {

using iothub::test::TemporaryFolder;

/// Every column differs from its default and from the others.
inline IdentityRow identity(std::string device, std::string module = {}) {
  return {.device_id = std::move(device),
          .module_id = std::move(module),
          .generation_id = "638000000000000001",
          .etag = 11,
          .created_time = 12,
          .enabled = false,
          .status_reason = "under repair",
          .status_updated_time = 13,
          .connection_state_updated_time = 14,
          .last_activity_time = 15,
          .authentication_type = "sas",
          .primary_key = "cHJpbWFyeQ==",
          .secondary_key = "c2Vjb25kYXJ5",
          .primary_thumbprint = "AA",
          .secondary_thumbprint = "BB",
          .managed_by = "IotEdge",
          .iot_edge = true,
          .device_scope = "ms-azure-iot-edge://x-1",
          .parent_scopes = R"(["ms-azure-iot-edge://p-2"])",
          .attributes = R"({"site":"Zürich"})"};
}

inline TwinRow twin(std::string device, std::string module = {}) {
  return {.device_id = std::move(device),
          .module_id = std::move(module),
          .etag = 21,
          .version = 22,
          .tags = R"({"floor":1})",
          .desired = R"({"rate":2})",
          .desired_metadata = R"({"$lastUpdated":"3"})",
          .desired_version = 23,
          .reported = R"({"rate":4})",
          .reported_metadata = R"({"$lastUpdated":"5"})",
          .reported_version = 24,
          .model_id = "dtmi:com:example;1",
          .configurations = R"({"a":{}})"};
}

inline EventRow event(std::string body) {
  return {.sequence_number = 777,  // ignored
          .offset = 888,           // ignored
          .enqueued_time = 31,
          .device_id = "device",
          .module_id = "module",
          .source = "Telemetry",
          .annotations = R"({"a":1})",
          .system_properties = R"({"b":2})",
          .properties = R"([["c","3"],["c","4"]])",
          .auth_method = R"({"scope":"device"})",
          .auth_generation_id = "638000000000000001",
          .body = std::move(body)};
}

inline C2dRow c2d_message(std::string device, std::string module = {}) {
  return {.device_id = std::move(device),
          .module_id = std::move(module),
          .sequence_number = 1,
          .enqueued_time = 31,
          .expiry_time = 32,
          .expiry_given = true,
          .delivery_count = 3,
          .ack = 2,
          .message_id = "id",
          .correlation_id = "correlation",
          .user_id = "user",
          .to = "/to",
          .content_type = "text/plain",
          .content_encoding = "utf-8",
          .properties = R"([["n","v"]])",
          .body = std::string("\0body", 5)};
}

}  // namespace iothub::storage::test
