#include "emulator/scenario/matcher.h"

#include <doctest/doctest.h>

using namespace iothub;
using hub::Json;

namespace {

bool matches(const char* matcher, const char* value) {
  return scenario::compare(Json::parse(matcher), Json::parse(value)).matches();
}

}  // namespace

TEST_CASE("an object matches when it has at least these members") {
  CHECK(matches(R"({"a":1,"b":{"c":true}})", R"({"b":{"d":2,"c":true},"a":1.0,"e":null})"));
  CHECK_FALSE(matches(R"({"a":1})", R"({"b":1})"));
  CHECK_FALSE(matches(R"({"a":1})", R"([1])"));
}

TEST_CASE("an array matches element by element") {
  CHECK(matches(R"([1,{"a":2}])", R"([1,{"a":2,"b":3}])"));
  CHECK_FALSE(matches("[1]", "[1,2]"));
  CHECK_FALSE(matches("[]", "[1]"));
}

TEST_CASE("matchers say more than a value can") {
  CHECK(matches(R"({"$near":{"value":21,"within":0.5}})", "21.5"));
  CHECK_FALSE(matches(R"({"$near":{"value":21,"within":0.5}})", "21.6"));
  CHECK_FALSE(matches(R"({"$near":{"value":21,"within":0.5}})", R"("21")"));
  CHECK(matches(R"({"$range":{"min":0}})", "1e300"));
  CHECK_FALSE(matches(R"({"$range":{"min":0,"max":1}})", "-1"));
  CHECK(matches(R"({"$regex":"^v[0-9]+"})", R"("v12-beta")"));
  CHECK_FALSE(matches(R"({"$regex":"^v[0-9]+"})", "12"));
  CHECK(matches(R"({"$contains":{"id":2}})", R"([{"id":1},{"id":2,"x":0}])"));
  CHECK(matches(R"({"$contains":"heat"})", R"("overheated")"));
  CHECK(matches(R"({"$type":"null"})", "null"));
  CHECK(matches(R"({"$equals":{"a":1,"b":2}})", R"({"b":2,"a":1})"));
  CHECK_FALSE(matches(R"({"$equals":{"a":1}})", R"({"b":2,"a":1})"));
  CHECK(matches(R"({"$not":{"a":1}})", R"({"a":2})"));
  CHECK(matches(R"({"a":{"$any":true},"b":{"$absent":true}})", R"({"a":null})"));
  CHECK_FALSE(matches(R"({"b":{"$absent":true}})", R"({"b":null})"));
}

TEST_CASE("each difference says where it is, what was expected and what came") {
  const auto compared =
      scenario::compare(Json::parse(R"({"a":1,"b":[1,2],"c/d":3,"e":5})"), Json::parse(R"({"a":1,"b":[1,3],"e":5})"));
  CHECK(compared.agreed == 3);
  REQUIRE(compared.differences.size() == 2);
  CHECK(compared.differences[0] == scenario::Difference{"/b/1", "expected 2, got 3"});
  CHECK(compared.differences[1] == scenario::Difference{"/c~1d", "expected 3, it is missing"});
}

TEST_CASE("a matcher that cannot work is refused with its place") {
  const auto wrong = [](const char* matcher) {
    const auto error = scenario::check_matcher(Json::parse(matcher));
    return error ? error->pointer + ": " + error->what : "good";
  };
  CHECK(wrong(R"({"a":[{"$any":true},{"$near":{"value":1,"within":1}}]})") == "good");
  CHECK(wrong(R"({"a":{"$near":{"value":1}}})") == "/a/$near: it needs value and within");
  CHECK(wrong(R"({"a":{"$regx":"x"}})") == "/a/$regx: there is no matcher '$regx': the nearest one is '$regex'");
  CHECK(wrong(R"([{"$regex":"["}])") == "/0/$regex: it is no regular expression (ECMAScript)");
  CHECK(wrong(R"({"$not":{"$type":"text"}})") ==
        "/$not/$type: it has to be one of object, array, string, number, boolean, null");
}
