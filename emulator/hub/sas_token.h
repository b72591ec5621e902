#pragma once
/// Shared access signatures: reading and verifying (documentation: Control access to IoT Hub with SAS; rest.md 8.2).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/errors.h"

namespace iothub::hub {

/// `SharedAccessSignature sr=..&sig=..&se=..[&skn=..]`, fields in any order, names in any case.
struct SasToken {
  std::string raw_resource;  ///< sr exactly as it stands: the signature covers this spelling
  std::string resource;      ///< sr percent-decoded: `host/devices/d`
  std::string signature;     ///< percent-decoded, still base64
  std::string raw_expiry;    ///< se exactly as it stands
  std::int64_t expiry = 0;   ///< unix seconds
  std::string policy;        ///< skn; empty: the key of the identity named by the resource

  /// The refusal says which part is wrong, never the token.
  static Result<SasToken> parse(std::string_view text);

  /// Whether HMAC-SHA256 under this base64 key gives the signature. Takes the same time wherever the first difference
  /// is.
  bool signed_by(std::string_view base64_key) const;
};

/// A token for the resource (unencoded: `host`, `host/devices/d`) under a policy's key, as the SDKs make it. Nothing
/// when the key is not base64.
std::optional<std::string> sign_sas_token(std::string_view resource, std::string_view policy,
                                          std::string_view base64_key, std::int64_t expiry_unix_seconds);

}  // namespace iothub::hub
