#include "emulator/hub/etag.h"

#include <doctest/doctest.h>

using namespace iothub::hub;

TEST_CASE("etags have the recorded forms") {
  CHECK(identity_etag(727894863) == "NzI3ODk0ODYz");
  CHECK(twin_etag(1) == "AAAAAAAAAAE=");
  CHECK(twin_etag(256) == "AAAAAAAAAQA=");
}

TEST_CASE("If-Match is read in every form the SDKs send") {
  CHECK(IfMatch::parse(std::nullopt).is_none());
  CHECK(IfMatch::parse("").is_none());
  CHECK(IfMatch::parse("\"\"").is_none());
  CHECK(IfMatch::parse("*").kind == IfMatch::Kind::any);
  CHECK(IfMatch::parse("\"*\"").kind == IfMatch::Kind::any);
  CHECK(IfMatch::parse("\"MQ==\"").etag == "MQ==");
  CHECK(IfMatch::parse("\"MQ==\"").quoted);
  CHECK(IfMatch::parse("W/\"MQ==\"").etag == "MQ==");
  CHECK(IfMatch::parse("MQ==").etag == "MQ==");
  CHECK_FALSE(IfMatch::parse("MQ==").quoted);
  CHECK(IfMatch::any().admits("x"));
  CHECK(IfMatch::parse("x").admits("x"));
  CHECK_FALSE(IfMatch::parse("x").admits("y"));
  CHECK_FALSE(IfMatch::none().admits("x"));
}
