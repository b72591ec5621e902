#pragma once
/// Who may do what with blobs: shared access signatures and Shared Key (documentation: Create a service SAS, Create an
/// account SAS, Authorize with Shared Key).
#include <string>
#include <string_view>

#include "emulator/hub/blobs/blob.h"
#include "emulator/hub/blobs/blob_error.h"
#include "emulator/hub/clock.h"

namespace iothub::hub {

/// A storage account's name and its key, in base64.
struct BlobAccountKey {
  std::string account;
  std::string key;
};

/// A request as its signature sees it.
struct SignedBlobRequest {
  std::string_view method;
  std::string_view path;       ///< as sent, still percent-encoded
  const NamedValues& query;    ///< decoded
  const NamedValues& headers;  ///< names in any case
  std::string_view container;  ///< empty: the account itself
  std::string_view blob;       ///< empty: the container itself
};

/// What an operation is done to.
enum class BlobResource : std::uint8_t { service, container, blob };

/// What a request's signature grants.
class BlobAccess {
 public:
  /// The account's key: everything.
  static BlobAccess with_key() { return {Kind::key, {}, {}}; }
  /// An account SAS: these letters on resources of these types (`s`, `c`, `o`).
  static BlobAccess of_account(std::string permissions, std::string types) {
    return {Kind::account, std::move(permissions), std::move(types)};
  }
  /// A service SAS: its container or blob is the request's, or the signature would not fit.
  static BlobAccess of_service(std::string permissions) { return {Kind::service, std::move(permissions), {}}; }

  /// One of `letters` is enough. Refuses with AuthorizationPermissionMismatch, AuthorizationResourceTypeMismatch, and
  /// with AuthorizationFailure what no service SAS allows (empty `letters` of a service SAS).
  BlobResult<> authorize(BlobResource resource, std::string_view account_letters,
                         std::string_view service_letters) const;
  /// Whether an existing blob may be replaced: `c` alone makes new ones only.
  bool may_overwrite() const { return kind_ == Kind::key || permissions_.find('w') != std::string::npos; }

 private:
  enum class Kind { key, account, service };
  BlobAccess(Kind kind, std::string permissions, std::string types)
      : kind_(kind), permissions_(std::move(permissions)), types_(std::move(types)) {}

  Kind kind_;
  std::string permissions_;
  std::string types_;
};

/// Reads the request's SAS or Authorization header. Service SAS of versions 2015-04-05 and later, account SAS, Shared
/// Key. Refuses with AuthenticationFailed, NoAuthenticationInformation, and with NotImplemented what it does not know:
/// stored access policies, addresses (sip), user delegation.
BlobResult<BlobAccess> check_blob_request(const BlobAccountKey& account, const SignedBlobRequest& request,
                                          Timestamp now);

/// `?sv=..&sr=b&sig=..&se=..&sp=..`: what IoT Hub gives a device for its upload (rest.md 4).
std::string blob_sas(const BlobAccountKey& account, std::string_view container, std::string_view blob,
                     std::string_view permissions, Timestamp expiry);

/// `?sv=..&ss=b&srt=sco&..`: an account SAS for the account's own owner.
std::string account_sas(const BlobAccountKey& account, std::string_view permissions, Timestamp expiry);

}  // namespace iothub::hub
