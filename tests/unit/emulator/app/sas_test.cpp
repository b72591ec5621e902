#include "emulator/app/sas.h"

#include <doctest/doctest.h>

#include "emulator/hub/sas_token.h"
#include "protocol/text/base64.h"

using namespace iothub;

TEST_CASE("a token of ours is one that the hub takes") {
  const std::string key = text::base64_encode("0123456789abcdef");
  const auto token = hub::SasToken::parse(app::sas_token("localhost", "service", key, 1'700'000'000));
  REQUIRE(token.has_value());
  CHECK(token->resource == "localhost");
  CHECK(token->policy == "service");
  CHECK(token->expiry == 1'700'000'000);
  CHECK(token->signed_by(key));
  CHECK_FALSE(token->signed_by(text::base64_encode("another key, 16+")));
}

TEST_CASE("an address as resource is encoded, and signed so") {
  const std::string key = text::base64_encode("0123456789abcdef");
  const auto token = hub::SasToken::parse(app::sas_token("::1", "service", key, 1));
  REQUIRE(token.has_value());
  CHECK(token->raw_resource == "%3A%3A1");
  CHECK(token->signed_by(key));
}

TEST_CASE("a key that is not base64 signs nothing") {
  CHECK_THROWS_AS(app::sas_token("localhost", "service", "no key!", 1), std::runtime_error);
}
