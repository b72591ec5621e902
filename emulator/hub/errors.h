#pragma once
/// A request the hub refuses: one code of the service, and what the caller is told. Each protocol head maps it to its
/// wire.
#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/hub/ids.h"
#include "protocol/text/timestamp.h"

namespace iothub::hub {

enum class ErrorCode : int {
#define IOTHUB_ERROR(name, number) name = number,
#include "emulator/hub/errors.def"
#undef IOTHUB_ERROR
};

/// `DeviceNotFound`: what stands in the iothub-errorcode header.
std::string_view name_of(ErrorCode code);
/// 404001 -> 404.
constexpr int http_status(ErrorCode code) {
  return static_cast<int>(code) / 1000;
}

struct HubError {
  ErrorCode code{};
  std::string message;  ///< what the caller reads after `ErrorCode:<Name>;`
  std::string reason;   ///< what our log says: why, and a hint. Never a key or a token. Empty: the message says it all
  std::string info;     ///< JSON for the `info` member of form B; empty: the member is left out
};

template <typename T = void>
using Result = boost::system::result<T, HubError>;

/// value() of a refused Result is a bug of ours: it throws std::logic_error.
[[noreturn]] void throw_exception_from_error(const HubError& error, const boost::source_location& where);

// One factory a refusal: its text lives here only.
HubError argument_invalid(std::string message, std::string reason = {});
/// Form A's plain text of a body that cannot be read.
HubError bad_request(std::string reason);
HubError unauthorized(std::string reason);
HubError device_not_found(const DeviceId& device);
HubError module_not_found(const Identity& module);
HubError job_not_found(const std::string& id);
HubError device_already_exists(const DeviceId& device);
HubError module_already_exists(const Identity& module, std::string_view hub_name);
HubError identity_etag_mismatch(std::int64_t existing, std::string_view presented);
HubError etag_missing();
HubError twin_etag_mismatch(const DeviceId& device);
HubError reported_version_mismatch();
HubError too_many_modules(const DeviceId& device);
HubError message_too_large(std::size_t bytes, std::size_t limit);
HubError queue_is_full(const Identity& identity);
HubError invalid_message_expiry(Timestamp expiry);
/// A cloud-to-device message or feedback batch whose lock has ended (recorded text).
HubError lock_lost();
HubError not_implemented(std::string what);

// Throttles and quotas (throttle.h).
/// Too many in the last minute; the name is the service's of the kind of operation.
HubError throttled(std::string_view operation);
HubError quota_exceeded(std::string_view hub_name, std::int64_t allowed, std::int64_t current);
HubError not_in_tier(std::string_view tier);

// File upload.
HubError no_upload_storage();
HubError too_many_uploads();
HubError unknown_upload();
HubError expired_upload();
HubError bad_upload_completion();
HubError uploaded_blob_missing(std::string_view blob_name);

}  // namespace iothub::hub
