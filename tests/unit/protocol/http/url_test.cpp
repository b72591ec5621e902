#include "protocol/http/url.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace iothub::http;

namespace {

using Segments = std::vector<std::string>;

Segments segments_of(std::string_view target) {
  const auto parsed = parse_target(target);
  REQUIRE(parsed);
  return parsed->segments;
}

}  // namespace

TEST_CASE("path segments are decoded one by one") {
  CHECK(segments_of("/devices/a%20b%24.%2B%271") == Segments{"devices", "a b$.+'1"});
  CHECK(segments_of("/devices/a%2Fb/modules/m") == Segments{"devices", "a/b", "modules", "m"});
  CHECK(segments_of("/devices/a+b#c").back() == "a+b");
  CHECK(segments_of("/devices/%C3%A4").back() == "\xC3\xA4");
}

TEST_CASE("one trailing slash counts for nothing, other empty segments stay") {
  CHECK(segments_of("/").empty());
  CHECK(segments_of("/devices/?top=1") == Segments{"devices"});
  CHECK(segments_of("/devices//") == Segments{"devices", ""});
  CHECK(segments_of("/devices//modules") == Segments{"devices", "", "modules"});
  CHECK(parse_target("/devices/a%2Fb/")->path() == "/devices/a/b");
  CHECK(parse_target("/")->path() == "/");
}

TEST_CASE("query parameters are decoded and found in any case") {
  const auto target = parse_target("/a?api-version=2021-04-12&x=a+b%2Bc&reject&=lost&&x=second");
  REQUIRE(target);
  REQUIRE(target->parameter("API-Version") != nullptr);
  CHECK(*target->parameter("API-Version") == "2021-04-12");
  CHECK(*target->parameter("x") == "a b+c");
  CHECK(*target->parameter("reject") == "");
  CHECK(target->parameter("y") == nullptr);
  CHECK(target->query.size() == 4);
}

TEST_CASE("absolute-form names the host") {
  const auto target = parse_target("HTTPS://My-Hub:8443/devices/d?top=1");
  REQUIRE(target);
  CHECK(target->authority == "My-Hub:8443");
  CHECK(target->segments == Segments{"devices", "d"});
  CHECK(parse_target("http://h")->segments.empty());
  CHECK(parse_target("http://h?top=1")->query.size() == 1);
  CHECK(parse_target("/http://h/a")->authority == "");
}

TEST_CASE("other forms, broken encodings and what is no UTF-8 are refused") {
  for (const char* target : {"*", "h:443", "", "devices/d", "/a%", "/a%2", "/a%zz", "/a?x=%f", "ftp://h/a",
                             "/jobs/v2/%93", "/a\x93", "/a?x=%c3%28"}) {
    CAPTURE(target);
    CHECK(!parse_target(target));
  }
}
