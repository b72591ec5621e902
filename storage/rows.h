#pragma once
/// What the hub keeps, as plain structs. Documents are JSON text, times are .NET ticks (100 ns since year 1, 0 =
/// never).
#include <cstdint>
#include <optional>
#include <string>

namespace iothub::storage {

/// A device's identity (module_id empty) or a module's.
struct IdentityRow {
  std::string device_id;
  std::string module_id;
  std::string generation_id;
  std::int64_t etag = 0;  ///< decimal counter; its base64 text is what the wire shows
  std::int64_t created_time = 0;

  bool enabled = true;  ///< modules follow their device; always true there
  std::optional<std::string> status_reason;
  std::int64_t status_updated_time = 0;
  std::int64_t connection_state_updated_time = 0;
  std::int64_t last_activity_time = 0;

  std::string authentication_type;  ///< sas, selfSigned, certificateAuthority or none, as on the wire
  std::optional<std::string> primary_key;
  std::optional<std::string> secondary_key;
  std::optional<std::string> primary_thumbprint;
  std::optional<std::string> secondary_thumbprint;

  std::optional<std::string> managed_by;  ///< modules only
  bool iot_edge = false;
  std::optional<std::string> device_scope;
  std::string parent_scopes;  ///< JSON array of strings, empty when there are none
  std::string attributes;     ///< JSON object of api-version 2024-03-31, empty when there are none

  friend bool operator==(const IdentityRow&, const IdentityRow&) = default;
};

/// The twin beside an identity.
struct TwinRow {
  std::string device_id;
  std::string module_id;
  std::int64_t etag = 1;  ///< the wire shows it as base64 of eight big-endian bytes
  std::int64_t version = 2;
  std::string tags = "{}";
  std::string desired = "{}";
  std::string desired_metadata = "{}";
  std::int64_t desired_version = 1;
  std::string reported = "{}";
  std::string reported_metadata = "{}";
  std::int64_t reported_version = 1;
  std::string model_id;
  std::string configurations;  ///< JSON object, empty when there are none

  friend bool operator==(const TwinRow&, const TwinRow&) = default;
};

/// One device-to-cloud event in its partition.
struct EventRow {
  std::int64_t sequence_number = 0;  ///< per partition, 0, 1, 2, ...: given by append_event
  std::int64_t offset = 0;           ///< per partition, strictly increasing: given by append_event
  std::int64_t enqueued_time = 0;
  std::string device_id;
  std::string module_id;
  std::string source;              ///< iothub-message-source: Telemetry, twinChangeEvents, ...
  std::string annotations;         ///< JSON object: the hub's own annotations beyond those that have a column
  std::string system_properties;   ///< JSON object, empty when there are none
  std::string properties;          ///< JSON array of [name, value] pairs in the order sent, empty when there are none
  std::string auth_method;         ///< the iothub-connection-auth-method JSON text, empty where the event has none
  std::string auth_generation_id;  ///< iothub-connection-auth-generation-id, empty where the event has none
  std::string body;                ///< bytes

  friend bool operator==(const EventRow&, const EventRow&) = default;
};

/// The oldest event of a partition, and what all its events take.
struct EventSpan {
  std::int64_t oldest_offset = 0;
  std::int64_t oldest_enqueued_time = 0;
  std::int64_t bytes = 0;  ///< as offsets count them
};

struct DeviceCounts {
  std::int64_t total = 0;
  std::int64_t enabled = 0;
};

/// A cloud-to-device message in the queue of its device (module_id empty) or module.
struct C2dRow {
  std::string device_id;
  std::string module_id;
  std::int64_t sequence_number = 0;  ///< per queue, 1, 2, ...: given by append_c2d_message
  std::int64_t enqueued_time = 0;
  std::int64_t expiry_time = 0;
  bool expiry_given = false;  ///< by the sender; false: the hub gave it
  std::int64_t delivery_count = 0;
  std::int64_t ack = 0;  ///< 0 none, 1 positive, 2 negative, 3 full
  std::string message_id, correlation_id, user_id, to, content_type, content_encoding;  ///< empty: not set
  std::string properties;  ///< JSON array of [name, value] pairs, empty when there are none
  std::string body;        ///< bytes

  friend bool operator==(const C2dRow&, const C2dRow&) = default;
};

/// Feedback records that are in no batch yet.
struct FeedbackWaiting {
  std::int64_t count = 0;
  std::int64_t first_time = 0;  ///< of the oldest; 0 when there is none
};

struct FeedbackBatchRow {
  std::int64_t id = 0;
  std::int64_t enqueued_time = 0;
  std::int64_t delivery_count = 0;
};

}  // namespace iothub::storage
