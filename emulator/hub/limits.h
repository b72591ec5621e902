#pragma once
/// The service's documented limits. Page names are those of the IoT Hub documentation.
#include <cstddef>
#include <cstdint>

namespace iothub::hub {

inline constexpr std::size_t kMaxIdLength = 128;            // Understand the identity registry
inline constexpr std::size_t kMaxStatusReasonLength = 128;  // Understand the identity registry
inline constexpr std::int64_t kMaxModulesPerDevice = 50;    // Quotas and throttling
inline constexpr std::int64_t kMaxListedDevices = 1000;     // Swagger, GET /devices

inline constexpr std::size_t kMaxBulkEntries = 100;  // Swagger, POST /devices

inline constexpr std::size_t kMinKeyBytes = 16;  // Swagger, SymmetricKey
inline constexpr std::size_t kMaxKeyBytes = 64;
inline constexpr std::size_t kGeneratedKeyBytes = 32;  // what hubs generate

inline constexpr std::size_t kMaxTelemetryBytes = 256 * 1024;  // Quotas and throttling: D2C message
inline constexpr std::size_t kMaxTwinTagsBytes = 8 * 1024;     // Understand device twins: size
inline constexpr std::size_t kMaxTwinPropertiesBytes = 32 * 1024;
inline constexpr std::size_t kMaxTwinKeyBytes = 1024;  // Understand device twins: format
inline constexpr std::size_t kMaxTwinStringBytes = 4096;
inline constexpr int kMaxTwinDepth = 10;
inline constexpr std::int64_t kMinTwinInteger = -4503599627370496;
inline constexpr std::int64_t kMaxTwinInteger = 4503599627370495;

inline constexpr std::int64_t kSasConnectGraceSeconds = 300;  // clock skew allowed when a token is presented
inline constexpr std::int64_t kSasLiveGraceSeconds = 600;     // a live link ends this long after its token did

inline constexpr std::size_t kMaxMethodPayloadBytes = 128 * 1024;  // Understand and invoke direct methods
inline constexpr std::int64_t kMaxMethodTimeoutSeconds = 300;
inline constexpr std::size_t kMaxMethodsInFlight = 1000;  // per identity; the service's own number is not published

// Understand cloud-to-device messaging: these are a new hub's settings, and the bounds of a message.
inline constexpr std::size_t kMaxC2dBytes = 64 * 1024;
inline constexpr std::int64_t kMaxC2dQueueDepth = 50;
inline constexpr std::int64_t kMaxC2dDeliveries = 10;  // feedback too
inline constexpr std::int64_t kC2dLockSeconds = 60;    // feedback too
inline constexpr std::int64_t kDefaultC2dTtlSeconds = 3600;
inline constexpr std::int64_t kMaxC2dTtlSeconds = 48 * 3600;
inline constexpr std::int64_t kFeedbackTtlSeconds = 3600;
inline constexpr std::int64_t kMaxFeedbackRecords = 64;    // azure-iot-sdks #555: a batch has at most this many,
inline constexpr std::int64_t kFeedbackBatchSeconds = 15;  // and waits at most this long after its first

inline constexpr std::size_t kMaxJobIdLength = 64;               // probed
inline constexpr std::int64_t kMaxJobDelaySeconds = 168 * 3600;  // probed: startTime at most 168 hours ahead

inline constexpr std::int64_t kMaxActiveUploads = 10;    // Quotas and throttling: file uploads of a device
inline constexpr std::int64_t kUploadSeconds = 3600;     // a hub's default for the SAS of an upload
inline constexpr std::size_t kMaxBlobNameLength = 1024;  // Naming and referencing blobs
inline constexpr std::size_t kMaxBlobNameSegments = 254;
inline constexpr std::int64_t kFileNotificationSeconds = 3600;  // a hub's defaults for notifications (recorded)
inline constexpr std::int64_t kFileNotificationLockSeconds = 60;
inline constexpr int kMaxFileNotificationDeliveries = 10;

inline constexpr int kMinPartitions = 1;
inline constexpr int kMaxPartitions = 32;
inline constexpr int kDefaultPartitions = 4;
inline constexpr std::size_t kMaxConsumerGroups = 20;  // Event Hubs quotas: $Default among them
inline constexpr int kMaxRetentionDays = 7;
inline constexpr int kDefaultRetentionDays = 1;

/// How deep a JSON body may nest at all before it is refused unread (a guard of ours, far over any legal document).
inline constexpr int kMaxJsonDepth = 64;

}  // namespace iothub::hub
