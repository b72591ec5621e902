#pragma once
/// The service's error bodies (rest.md 1.3, corrections.md 4: recorded hubs). SDKs take them apart, so members keep
/// their order.
#include <string>

#include "emulator/hub/errors.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::rest {

/// What ties an answer to the service's own log.
struct Tracking {
  std::string id;  ///< 32 lower-case hex digits
  Timestamp time;

  /// The same id as the guid of the x-ms-request-id header.
  std::string guid() const;
};

/// Form A, of registry, twins, configurations and jobs:
/// `{"Message":"ErrorCode:<Name>;<text>","ExceptionMessage":"Tracking ID:<id>-G:0-TimeStamp:<time>"}`.
std::string error_body_a(const hub::HubError& error, const Tracking& tracking);

/// Form B, of direct methods, device HTTP and file upload: the numbers as a JSON text inside `Message`. HubError::info
/// becomes the member `info`.
std::string error_body_b(const hub::HubError& error, const Tracking& tracking);

/// Form B', of an existing module: the numbers bare.
std::string error_body_b_bare(const hub::HubError& error, const Tracking& tracking);

/// Which form an operation's refusals have; a throttle's (429) is form A everywhere.
enum class ErrorForm {
  a,       ///< form A, but B' for 409301: registry, queries, configurations, jobs
  a_twin,  ///< form A, whose tracking text has no `-G:0` in a 412 (recorded): twins
  b,       ///< direct methods, digital twin commands, device HTTP
};
std::string error_body(ErrorForm form, const hub::HubError& error, const Tracking& tracking);

}  // namespace iothub::heads::rest
