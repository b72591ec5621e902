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

}  // namespace iothub::hub
