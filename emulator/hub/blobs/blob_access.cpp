#include "emulator/hub/blobs/blob_access.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "emulator/hub/hmac.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kUploadVersion = "2018-03-28";
constexpr std::string_view kOldestVersion = "2015-04-05";
constexpr std::string_view kWithResource = "2018-11-09";         // signs sr and the snapshot's time as well
constexpr std::string_view kWithEncryptionScope = "2020-12-06";  // and ses

BlobError authentication_failed(std::string reason) {
  return {BlobErrorCode::AuthenticationFailed, std::move(reason)};
}

std::string hmac(std::string_view base64_key, std::string_view message) {
  const auto key = text::base64_decode(base64_key).value_or(std::vector<std::byte>{});
  return text::base64_encode(hmac_sha256(key, message));
}

std::string value_of(const NamedValues& values, std::string_view name) {
  for (const auto& [each, value] : values) {
    if (text::equals_ignoring_case(each, name)) return value;
  }
  return {};
}

/// `2026-11-25`, `2026-11-25T08:00Z` and `2026-11-25T08:00:00[.0000000]Z`.
std::optional<Timestamp> sas_time(const std::string& text) {
  if (text.size() == 10) return text::parse_iso_time(text + "T00:00:00Z");
  if (text.size() == 17 && text.ends_with('Z')) return text::parse_iso_time(text.substr(0, 16) + ":00Z");
  return text::parse_iso_time(text);
}

BlobResult<> check_times(const NamedValues& query, Timestamp now) {
  const std::string start = value_of(query, "st");
  const std::string expiry = value_of(query, "se");
  const std::optional<Timestamp> from = start.empty() ? Timestamp{} : sas_time(start);
  const std::optional<Timestamp> until = sas_time(expiry);
  if (!from || !until) return authentication_failed("st or se is no time");
  if (now < *from || now >= *until) {
    return authentication_failed("Signature not valid in the specified time frame: Start [" + start + "] - Expiry [" +
                                 expiry + "] - Current [" + text::iso_time(now) + "]");
  }
  return {};
}

BlobResult<> check_what_is_not_known(const NamedValues& query) {
  for (const char* name : {"si", "sip", "skoid", "sktid", "saoid", "suoid", "sdd"}) {
    if (!value_of(query, name).empty()) {
      return BlobError{BlobErrorCode::NotImplemented, "a SAS with '" + std::string(name) + "'"};
    }
  }
  const std::string protocol = value_of(query, "spr");
  if (protocol.empty() || protocol == "https" || protocol == "https,http") return {};
  return BlobError{BlobErrorCode::AuthorizationProtocolMismatch, "spr is '" + protocol + "'"};
}

std::string service_string_to_sign(const BlobAccountKey& account, const NamedValues& query, std::string_view container,
                                   std::string_view blob) {
  const std::string version = value_of(query, "sv");
  const std::string resource = value_of(query, "sr");
  std::string canonical = "/blob/" + account.account + "/" + std::string(container);
  if (resource != "c") canonical += "/" + std::string(blob);
  std::string text;
  const auto line = [&](const std::string& value) { text += value + "\n"; };
  line(value_of(query, "sp"));
  line(value_of(query, "st"));
  line(value_of(query, "se"));
  line(canonical);
  for (const char* name : {"si", "sip", "spr", "sv"}) line(value_of(query, name));
  if (version >= kWithResource) {
    line(resource);
    line(value_of(query, "snapshot"));
  }
  if (version >= kWithEncryptionScope) line(value_of(query, "ses"));
  for (const char* name : {"rscc", "rscd", "rsce", "rscl"}) line(value_of(query, name));
  return text + value_of(query, "rsct");
}

std::string account_string_to_sign(const BlobAccountKey& account, const NamedValues& query) {
  std::string text = account.account + "\n";
  for (const char* name : {"sp", "ss", "srt", "st", "se", "sip", "spr", "sv"}) text += value_of(query, name) + "\n";
  if (value_of(query, "sv") >= kWithEncryptionScope) text += value_of(query, "ses") + "\n";
  return text;
}

BlobResult<BlobAccess> check_sas(const BlobAccountKey& account, const SignedBlobRequest& request, Timestamp now) {
  const NamedValues& query = request.query;
  if (value_of(query, "sv") < kOldestVersion) {
    return BlobError{BlobErrorCode::NotImplemented, "a SAS of version '" + value_of(query, "sv") + "'"};
  }
  if (const auto known = check_what_is_not_known(query); !known) return known.error();
  const std::string resource = value_of(query, "sr");
  const std::string types = value_of(query, "srt");
  const bool of_account = !types.empty();
  if (!of_account && resource != "b" && resource != "c") {
    return BlobError{BlobErrorCode::NotImplemented, "a SAS with sr=" + resource};
  }
  const std::string text = of_account ? account_string_to_sign(account, query)
                                      : service_string_to_sign(account, query, request.container, request.blob);
  if (!equal_secrets(hmac(account.key, text), value_of(query, "sig"))) {
    return authentication_failed(of_account        ? "Signature did not match."
                                 : resource == "b" ? "Signature did not match. (the SAS is for one blob, by sr=b)"
                                                   : "Signature did not match.");
  }
  if (const auto timely = check_times(query, now); !timely) return timely.error();
  if (!of_account) return BlobAccess::of_service(value_of(query, "sp"));
  if (value_of(query, "ss").find('b') == std::string::npos) {
    return BlobError{BlobErrorCode::AuthorizationServiceMismatch, "ss has no b"};
  }
  return BlobAccess::of_account(value_of(query, "sp"), types);
}

std::string shared_key_string_to_sign(const BlobAccountKey& account, const SignedBlobRequest& request) {
  const auto header = [&](std::string_view name) { return value_of(request.headers, name); };
  std::string text(request.method);
  for (const char* name : {"Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type",
                           "Date", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"}) {
    std::string value = header(name);
    if (name == std::string_view("Content-Length") && value == "0") value.clear();
    text += "\n" + value;
  }
  text += "\n";
  std::map<std::string, std::string> ms_headers;
  for (const auto& [name, value] : request.headers) {
    if (const std::string lower = text::lower(name); lower.starts_with("x-ms-")) ms_headers[lower] = value;
  }
  for (const auto& [name, value] : ms_headers) text += name + ":" + value + "\n";
  text += "/" + account.account + std::string(request.path);
  std::map<std::string, std::string> parameters;
  for (const auto& [name, value] : request.query) {
    std::string& values = parameters[text::lower(name)];
    values += values.empty() ? value : "," + value;
  }
  for (const auto& [name, value] : parameters) text += "\n" + name + ":" + value;
  return text;
}

}  // namespace

BlobResult<> BlobAccess::authorize(BlobResource resource, std::string_view account_letters,
                                   std::string_view service_letters) const {
  if (kind_ == Kind::key) return {};
  if (kind_ == Kind::account) {
    constexpr std::string_view kTypes = "sco";
    if (types_.find(kTypes[static_cast<std::size_t>(resource)]) == std::string::npos) {
      return BlobError{BlobErrorCode::AuthorizationResourceTypeMismatch, "srt is '" + types_ + "'"};
    }
  }
  const std::string_view letters = kind_ == Kind::account ? account_letters : service_letters;
  if (letters.empty()) {
    return BlobError{BlobErrorCode::AuthorizationFailure, "a service SAS does not allow this operation"};
  }
  if (permissions_.find_first_of(letters) != std::string::npos) return {};
  return BlobError{BlobErrorCode::AuthorizationPermissionMismatch,
                   "sp is '" + permissions_ + "', one of '" + std::string(letters) + "' is needed"};
}

BlobResult<BlobAccess> check_blob_request(const BlobAccountKey& account, const SignedBlobRequest& request,
                                          Timestamp now) {
  if (!value_of(request.query, "sig").empty()) return check_sas(account, request, now);
  const std::string authorization = value_of(request.headers, "Authorization");
  if (authorization.empty()) {
    return BlobError{BlobErrorCode::NoAuthenticationInformation, "there is neither a SAS nor an Authorization header"};
  }
  const std::string prefix = "SharedKey " + account.account + ":";
  if (!authorization.starts_with(prefix)) {
    return authentication_failed("the Authorization header is no SharedKey of account " + account.account);
  }
  const std::string signature = hmac(account.key, shared_key_string_to_sign(account, request));
  if (equal_secrets(signature, std::string_view(authorization).substr(prefix.size()))) return BlobAccess::with_key();
  return authentication_failed("the Shared Key signature did not match");
}

std::string blob_sas(const BlobAccountKey& account, std::string_view container, std::string_view blob,
                     std::string_view permissions, Timestamp expiry) {
  const std::string until = text::iso_time(Timestamp::from_unix_seconds(expiry.unix_seconds()));
  const NamedValues query{{"sv", std::string(kUploadVersion)},
                          {"sr", blob.empty() ? "c" : "b"},
                          {"se", until},
                          {"sp", std::string(permissions)}};
  const std::string signature = hmac(account.key, service_string_to_sign(account, query, container, blob));
  return "?sv=" + std::string(kUploadVersion) + "&sr=" + query[1].second + "&sig=" + text::percent_encode(signature) +
         "&se=" + text::percent_encode(until) + "&sp=" + std::string(permissions);
}

std::string account_sas(const BlobAccountKey& account, std::string_view permissions, Timestamp expiry) {
  const std::string until = text::iso_time(Timestamp::from_unix_seconds(expiry.unix_seconds()));
  const NamedValues query{{"sv", std::string(kUploadVersion)},
                          {"ss", "b"},
                          {"srt", "sco"},
                          {"se", until},
                          {"sp", std::string(permissions)}};
  const std::string signature = hmac(account.key, account_string_to_sign(account, query));
  return "?sv=" + std::string(kUploadVersion) + "&ss=b&srt=sco&sig=" + text::percent_encode(signature) +
         "&se=" + text::percent_encode(until) + "&sp=" + std::string(permissions);
}

}  // namespace iothub::hub
