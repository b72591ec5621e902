#include "emulator/hub/blobs/blob_access.h"

#include <doctest/doctest.h>

#include "protocol/text/percent.h"
#include "tests/unit/support/blob_result_text.h"

using namespace iothub;
using namespace iothub::hub;

namespace {

const BlobAccountKey kAccount{
    "devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="};
const Timestamp kNow = Timestamp::from_unix_seconds(1'795'314'832);  // 2026-11-22T02:33:52Z

/// A request with the parameters of a SAS.
BlobResult<BlobAccess> check(NamedValues query, std::string_view container = "c", std::string_view blob = "b") {
  const NamedValues headers;
  return check_blob_request(kAccount, {"GET", "/devstoreaccount1/c/b", query, headers, container, blob}, kNow);
}

NamedValues parameters_of(std::string_view sas) {
  NamedValues values;
  sas.remove_prefix(1);
  while (!sas.empty()) {
    const std::string_view pair = sas.substr(0, sas.find('&'));
    sas.remove_prefix(std::min(pair.size() + 1, sas.size()));
    const std::size_t equals = pair.find('=');
    values.emplace_back(pair.substr(0, equals), text::percent_decode(pair.substr(equals + 1)).value());
  }
  return values;
}

}  // namespace

TEST_CASE("the SAS of an upload reads and writes its blob until it expires") {
  const std::string sas = blob_sas(kAccount, "c", "b", "rw", kNow.plus_seconds(60));
  CHECK(sas.starts_with("?sv=2018-03-28&sr=b&sig="));
  CHECK(sas.ends_with("&se=2026-11-22T02%3A34%3A52Z&sp=rw"));
  const auto access = check(parameters_of(sas));
  REQUIRE(access);
  CHECK(access->authorize(BlobResource::blob, "w", "w"));
  CHECK(access->may_overwrite());
  CHECK(access->authorize(BlobResource::blob, "d", "d").error().code == BlobErrorCode::AuthorizationPermissionMismatch);
  CHECK(access->authorize(BlobResource::container, "c", "").error().code == BlobErrorCode::AuthorizationFailure);

  CHECK(check(parameters_of(sas), "c", "other").error().code == BlobErrorCode::AuthenticationFailed);
  CHECK(check(parameters_of(sas), "other", "b").error().code == BlobErrorCode::AuthenticationFailed);
  const std::string ended = blob_sas(kAccount, "c", "b", "rw", kNow);
  const auto late = check(parameters_of(ended));
  CHECK(late.error().code == BlobErrorCode::AuthenticationFailed);
  CHECK(late.error().reason.find("time frame") != std::string::npos);
}

TEST_CASE("a SAS whose parameter was changed is refused") {
  NamedValues query = parameters_of(blob_sas(kAccount, "c", "b", "r", kNow.plus_seconds(60)));
  for (auto& [name, value] : query) {
    if (name == "sp") value = "rwd";
  }
  CHECK(check(query).error().code == BlobErrorCode::AuthenticationFailed);
}

TEST_CASE("what the emulator does not know of a SAS is said, not guessed") {
  NamedValues query = parameters_of(blob_sas(kAccount, "c", "b", "r", kNow.plus_seconds(60)));
  for (const char* name : {"si", "sip", "skoid"}) {
    NamedValues more = query;
    more.emplace_back(name, "x");
    CHECK(check(more).error().code == BlobErrorCode::NotImplemented);
  }
  query[0].second = "2012-02-12";
  CHECK(check(query).error().code == BlobErrorCode::NotImplemented);
}

TEST_CASE("a request without any signature is told how to sign") {
  CHECK(check({}).error().code == BlobErrorCode::NoAuthenticationInformation);
}
