#include "emulator/hub/twin_validation.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/support/result_text.h"

using namespace iothub::hub;

namespace {

bool valid(const std::string& text) {
  return validate_section(Json::parse(text), "tags").has_value();
}

/// `levels` objects below the section root, a scalar in the innermost.
std::string nested(int levels) {
  std::string text = "1";
  for (int i = 0; i < levels; ++i) text = R"({"k":)" + text + "}";
  return R"({"top":)" + text + "}";
}

}  // namespace

TEST_CASE("keys may not hold . $ # white space or control characters") {
  for (const char* key : {"a.b", "$a", "a#", "a b", "a\\tb", "a\\u0001", "a\\u0085", ""}) {
    CAPTURE(key);
    CHECK_FALSE(valid(std::string(R"({"o":{")") + key + R"(":1}})"));
  }
  CHECK(valid(R"({"käse-1_:/@":1})"));
  CHECK(valid("{\"" + std::string(1024, 'k') + "\":1}"));
  CHECK_FALSE(valid("{\"" + std::string(1025, 'k') + "\":1}"));
}

TEST_CASE("strings hold at most 4096 bytes") {
  CHECK(valid("{\"a\":\"" + std::string(4096, 'x') + "\"}"));
  CHECK_FALSE(valid("{\"a\":\"" + std::string(4097, 'x') + "\"}"));
}

TEST_CASE("objects nest ten levels below the section's root") {
  CHECK(valid(nested(10)));
  CHECK_FALSE(valid(nested(11)));
}

TEST_CASE("integers lie within 52 bits") {
  CHECK(valid(R"({"a":4503599627370495,"b":-4503599627370496})"));
  CHECK_FALSE(valid(R"({"a":4503599627370496})"));
  CHECK_FALSE(valid(R"({"a":-4503599627370497})"));
  CHECK_FALSE(valid(R"({"a":18446744073709551615})"));
}

TEST_CASE("a null deletes a member but may not stand in an array") {
  CHECK(valid(R"({"a":null,"b":{"c":null}})"));
  CHECK_FALSE(valid(R"({"a":[1,null]})"));
  CHECK_FALSE(valid(R"({"a":[{"b":null}]})"));
}

TEST_CASE("a section's size counts keys, strings without controls, 8 a number and 4 a boolean") {
  CHECK(section_size(Json::parse(R"({"ab":"xyz","n":1.5,"t":true,"o":{"k":[1,2]},"$version":7})")) ==
        2 + 3 + 1 + 8 + 1 + 4 + 1 + 1 + 8 + 8);
  CHECK(section_size(Json::parse(R"({"a":"x\u0001\u0085y"})")) == 3);
  CHECK(check_section_size(Json::parse(R"({"abc":"defg"})"), "tags", 7));
  CHECK(check_section_size(Json::parse(R"({"abc":"defg"})"), "tags", 6).error().code == ErrorCode::ArgumentInvalid);
}
