#include "emulator/hub/hmac.h"

#include <doctest/doctest.h>

#include <span>
#include <string>

#include "protocol/text/base64.h"

using namespace iothub;

// RFC 4231, test case 2.
TEST_CASE("a signature is HMAC-SHA256") {
  const std::string key = "Jefe";
  const auto digest = hub::hmac_sha256(std::as_bytes(std::span(key)), "what do ya want for nothing?");
  CHECK(text::base64_encode(digest) == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

TEST_CASE("secrets are equal when all of them is") {
  CHECK(hub::equal_secrets("sesame", "sesame"));
  CHECK(hub::equal_secrets("", ""));
  CHECK_FALSE(hub::equal_secrets("sesame", "sesamE"));
  CHECK_FALSE(hub::equal_secrets("sesame", "sesam"));
  CHECK_FALSE(hub::equal_secrets("", "sesame"));
}
