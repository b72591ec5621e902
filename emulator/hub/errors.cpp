#include "emulator/hub/errors.h"

#include <stdexcept>

namespace iothub::hub {

std::string_view name_of(ErrorCode code) {
  switch (code) {
#define IOTHUB_ERROR(name, number) \
  case ErrorCode::name:            \
    return #name;
#include "emulator/hub/errors.def"
#undef IOTHUB_ERROR
  }
  return "ServerError";
}

void throw_exception_from_error(const HubError& error, const boost::source_location& where) {
  throw std::logic_error("the value of a refused result was taken (" + std::string(name_of(error.code)) + ": " +
                         error.message + ") at " + where.to_string());
}

HubError argument_invalid(std::string message, std::string reason) {
  return {ErrorCode::ArgumentInvalid, std::move(message), std::move(reason), {}};
}

HubError bad_request(std::string reason) {
  return {ErrorCode::ArgumentInvalid, "BadRequest", std::move(reason), {}};
}

HubError unauthorized(std::string reason) {
  return {ErrorCode::IotHubUnauthorizedAccess, "Unauthorized", std::move(reason), {}};
}

HubError device_not_found(const DeviceId& device) {
  // Recorded and in threads of 2017 to 2023: the text is the id alone.
  return {ErrorCode::DeviceNotFound, device.value, "device '" + device.value + "' is not registered", {}};
}

HubError module_not_found(const Identity& module) {
  return {ErrorCode::ModuleNotFound,
          "Module " + module.module.value + " on device " + module.device.value + " not registered",
          {},
          {}};
}

HubError job_not_found(const std::string& id) {
  return {ErrorCode::JobNotFound, "Job " + id + " not found", {}, {}};
}

HubError device_already_exists(const DeviceId& device) {
  return {ErrorCode::DeviceAlreadyExists, "A device with ID '" + device.value + "' is already registered.", {}, {}};
}

HubError module_already_exists(const Identity& module, std::string_view hub_name) {
  return {ErrorCode::ModuleAlreadyExistsOnDevice,
          "Device " + module.device.value + " in IotHub " + std::string(hub_name) + " already contains Module " +
              module.module.value + ".",
          {},
          {}};
}

HubError identity_etag_mismatch(std::int64_t existing, std::string_view presented) {
  return {ErrorCode::PreconditionFailed,
          "Precondition failed: Device version did not match, existingVersion:" + std::to_string(existing) +
              " newVersion:" + std::string(presented),
          {},
          {}};
}

HubError etag_missing() {
  return {ErrorCode::PreconditionFailed, "Precondition failed: Etag missing", {}, {}};
}

HubError twin_etag_mismatch(const DeviceId& device) {
  return {ErrorCode::PreconditionFailed, "ETag mismatch for device ID '" + device.value + "'", {}, {}};
}

HubError reported_version_mismatch() {
  return {ErrorCode::PreconditionFailed, "PreconditionFailed", "the patch names another $version of reported", {}};
}

HubError too_many_modules(const DeviceId& device) {
  return {ErrorCode::TooManyModulesOnDevice, "Too many modules on device " + device.value, {}, {}};
}

HubError message_too_large(std::size_t bytes, std::size_t limit) {
  return {ErrorCode::MessageTooLarge,
          "The message is too large",
          std::to_string(bytes) + " bytes; the limit is " + std::to_string(limit),
          {}};
}

HubError queue_is_full(const Identity& identity) {
  return {ErrorCode::DeviceMaximumQueueDepthExceeded,
          "Device Queue depth cannot exceed 50 messages",
          "the cloud-to-device queue of '" + identity.name() + "' is full",
          {}};
}

HubError invalid_message_expiry(Timestamp expiry) {
  return {ErrorCode::InvalidMessageExpiryTime,
          "Invalid message expiry time",
          "the message expires at " + text::iso_time(expiry) + ", which is not within the next two days",
          {}};
}

HubError lock_lost() {
  return {ErrorCode::DeviceMessageLockLost, "PreconditionFailed", "the lock has ended, or never was", {}};
}

HubError no_upload_storage() {
  return {ErrorCode::DefaultStorageEndpointNotConfigured, "BadRequest", "the hub has no storage for file uploads", {}};
}

HubError too_many_uploads() {
  return {ErrorCode::DeviceMaximumActiveFileUploadLimitExceeded, "Number of active file upload requests exceeded limit",
          "ten uploads of the device are neither completed nor expired", "null"};
}

HubError unknown_upload() {
  return {
      ErrorCode::InvalidFileUploadCorrelationId, "BadRequest", "the device has no upload of that correlationId", {}};
}

HubError expired_upload() {
  return {ErrorCode::ExpiredFileUploadCorrelationId, "BadRequest", "the upload's SAS has expired", {}};
}

HubError bad_upload_completion() {
  return {ErrorCode::InvalidFileUploadCompletionStatus, "BadRequest", "isSuccess is no boolean", {}};
}

HubError uploaded_blob_missing(std::string_view blob_name) {
  return {ErrorCode::InvalidStorageEndpointOrBlob,
          "BadRequest",
          "isSuccess is true, but the storage has no blob '" + std::string(blob_name) + "'",
          {}};
}

HubError throttled(std::string_view operation) {
  return {ErrorCode::ThrottlingException,
          "The request has been throttled. Wait 10 seconds and try again. Operation type: " + std::string(operation),
          {},
          {}};
}

HubError quota_exceeded(std::string_view hub_name, std::int64_t allowed, std::int64_t current) {
  return {ErrorCode::IotHubQuotaExceeded,
          "Total number of messages on IotHub '" + std::string(hub_name) +
              "' exceeded the allocated quota. Max allowed message count : '" + std::to_string(allowed) +
              "', current message count : '" + std::to_string(current) +
              "'. Send and Receive operations are blocked for this hub until the next UTC day. Consider increasing the "
              "units for this hub to increase the quota.",
          {},
          {}};
}

HubError not_in_tier(std::string_view tier) {
  return {ErrorCode::OperationNotAvailableInCurrentTier,
          "This operation is not valid for the current IoT Hub tier",
          "tier " + std::string(tier) + " is a basic one",
          {}};
}

HubError not_implemented(std::string what) {
  std::string message = what + " is not implemented by the emulator";
  return {ErrorCode::NotImplemented, std::move(message), {}, {}};
}

}  // namespace iothub::hub
