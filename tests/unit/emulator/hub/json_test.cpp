#include "emulator/hub/json.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/support/result_text.h"

#include "emulator/hub/limits.h"

using namespace iothub::hub;

TEST_CASE("a body keeps the order of its members and the form of its numbers") {
  CHECK(dump(parse_json(R"({"z":1.0,"a":[true,null],"m":"ü"})").value()) == R"({"z":1.0,"a":[true,null],"m":"ü"})");
}

TEST_CASE("what is not JSON, too deep, doubled or out of range is refused with 400004") {
  for (const std::string& text : {std::string(), std::string("{"), std::string("{\"a\":1}x"),
                                  std::string(R"({"a":1,"a":2})"), std::string(R"({"o":{"a":1,"a":2}})"),
                                  std::string(5000, '['), std::string("[1e999]"), std::string("\"\xff\"")}) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::ArgumentInvalid);
    CHECK(parsed.error().message == "BadRequest");
  }
  CHECK(parse_json(R"([{"a":1},{"a":2}])"));
}

TEST_CASE("an object of very many members is refused before it costs its square") {
  const auto object_of = [](std::size_t members) {
    std::string text = "{";
    for (std::size_t i = 0; i < members; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    return text + "}";
  };
  CHECK(parse_json(object_of(10'000)));
  const auto refused = parse_json(object_of(200'000));  // of 2 MiB, which the hub takes as a body: it took a minute
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::ArgumentInvalid);
}
