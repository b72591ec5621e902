#pragma once
/// Makes shared access signatures, as the SDKs do (documentation: Control access to IoT Hub with SAS).
#include <cstdint>
#include <string>
#include <string_view>

namespace iothub::app {

/// `SharedAccessSignature sr=..&sig=..&se=..&skn=..` for the resource (a host name, unencoded) under a policy's key;
/// without skn, where the policy is empty, as a device signs with its own key.
/// Throws std::runtime_error when the key is not base64.
std::string sas_token(std::string_view resource, std::string_view policy, std::string_view base64_key,
                      std::int64_t expiry_unix_seconds);

}  // namespace iothub::app
