#include "emulator/hub/sas_token.h"

#include <doctest/doctest.h>

#include <string>

#include "protocol/text/base64.h"
#include "tests/unit/support/result_text.h"

using iothub::hub::SasToken;
using iothub::hub::sign_sas_token;
using iothub::text::base64_encode;

namespace {

// Made by the formula of the documentation with Python's hmac module: key "0123456789abcdef0123456789abcdef" in base64.
constexpr const char* kKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

}  // namespace

TEST_CASE("a token's fields are read in any order and any case") {
  const auto token = SasToken::parse("SharedAccessSignature SE=1700000000&sig=YWJj&skn=service&SR=host%2fdevices%2fd");
  REQUIRE(token);
  CHECK(token->raw_resource == "host%2fdevices%2fd");
  CHECK(token->resource == "host/devices/d");
  CHECK(token->signature == "YWJj");
  CHECK(token->expiry == 1700000000);
  CHECK(token->policy == "service");
}

TEST_CASE("a signature covers the resource exactly as it is spelled in the token") {
  const auto lower = SasToken::parse("SharedAccessSignature sr=localhost%2fdevices%2fd&sig=UNSIGNED&se=1700000000");
  REQUIRE(lower);
  CHECK_FALSE(lower->signed_by(kKey));
  for (const char* resource : {"localhost%2fdevices%2fd", "localhost%2Fdevices%2Fd", "localhost/devices/d"}) {
    CAPTURE(resource);
    auto token = *lower;
    token.raw_resource = resource;
    // Signatures by Python: base64(hmac_sha256(key, resource + "\n1700000000")).
    if (std::string(resource) == "localhost%2fdevices%2fd")
      token.signature = "TRN2NhFnRl33l5sd+558HMhezd+TZEGNw0U9imIiSrw=";
    if (std::string(resource) == "localhost%2Fdevices%2Fd")
      token.signature = "zZPktglDFYK4aetNmZBi7Lc5Kbdsd0KYJ7HnsBKjjcc=";
    if (std::string(resource) == "localhost/devices/d")
      token.signature = "VVwlKMYz2YIjGmU+xJuY51QT3rE640VvYERNul68FSY=";
    CHECK(token.signed_by(kKey));
    token.raw_expiry = "1700000001";
    CHECK_FALSE(token.signed_by(kKey));
  }
}

TEST_CASE("a token with a part missing or broken is refused with 401002 and the part's name") {
  struct Row {
    const char* token;
    const char* reason;
  };
  constexpr Row kRows[] = {
      {"", "begin with"},
      {"Basic abc", "begin with"},
      {"SharedAccessSignature sig=a&se=1", "no sr"},
      {"SharedAccessSignature sr=a&se=1", "no sig"},
      {"SharedAccessSignature sr=a&sig=b", "no se"},
      {"SharedAccessSignature sr=a&sig=b&se=soon", "not a number"},
      {"SharedAccessSignature sr=a&sig=b&se=12x", "not a number"},
      {"SharedAccessSignature sr=a%2&sig=b&se=1", "percent"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.token);
    const auto token = SasToken::parse(row.token);
    REQUIRE_FALSE(token);
    CHECK(token.error().code == iothub::hub::ErrorCode::IotHubUnauthorizedAccess);
    CHECK(token.error().message == "Unauthorized");
    CHECK(token.error().reason.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a token of ours is one that the hub takes") {
  const std::string key = base64_encode("0123456789abcdef");
  const auto signed_token = sign_sas_token("localhost", "service", key, 1'700'000'000);
  REQUIRE(signed_token.has_value());
  const auto token = SasToken::parse(*signed_token);
  REQUIRE(token.has_value());
  CHECK(token->resource == "localhost");
  CHECK(token->policy == "service");
  CHECK(token->expiry == 1'700'000'000);
  CHECK(token->signed_by(key));
  CHECK_FALSE(token->signed_by(base64_encode("another key, 16+")));
}

TEST_CASE("an address as resource is encoded, and signed so") {
  const std::string key = base64_encode("0123456789abcdef");
  const auto token = SasToken::parse(sign_sas_token("::1", "service", key, 1).value());
  REQUIRE(token.has_value());
  CHECK(token->raw_resource == "%3A%3A1");
  CHECK(token->signed_by(key));
}

TEST_CASE("a key that is not base64 signs nothing") {
  CHECK_FALSE(sign_sas_token("localhost", "service", "no key!", 1));
}
