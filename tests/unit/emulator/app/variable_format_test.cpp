#include "emulator/app/variable_format.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace iothub::app;

namespace {

const Environment kPlain{{"B", "two words"}, {"A", R"({"x":"$y"})"}};
const Environment kQuote{{"A", "it's \"$5\" \\ `x`"}};

}  // namespace

TEST_CASE("sh exports each variable in single quotes") {
  CHECK(format_variables(kPlain, VariableFormat::sh) == "export A='{\"x\":\"$y\"}'\nexport B='two words'\n");
  CHECK(format_variables(kQuote, VariableFormat::sh) == "export A='it'\\''s \"$5\" \\ `x`'\n");
}

TEST_CASE("dotenv takes single quotes, and escapes in double ones where the value holds one") {
  CHECK(format_variables(kPlain, VariableFormat::dotenv) == "A='{\"x\":\"$y\"}'\nB='two words'\n");
  CHECK(format_variables(kQuote, VariableFormat::dotenv) == "A=\"it's \\\"\\$5\\\" \\\\ `x`\"\n");
  CHECK(format_variables({{"A", "1\n'2'"}}, VariableFormat::dotenv) == "A=\"1\\n'2'\"\n");
}

TEST_CASE("json is one object") {
  const auto json = nlohmann::json::parse(format_variables(kPlain, VariableFormat::json));
  CHECK(json == nlohmann::json{{"A", R"({"x":"$y"})"}, {"B", "two words"}});
}

TEST_CASE("powershell doubles single quotes, typographic ones too") {
  CHECK(format_variables(kQuote, VariableFormat::powershell) == "$env:A = 'it''s \"$5\" \\ `x`'\n");
  CHECK(format_variables({{"A", "a\u2019b"}}, VariableFormat::powershell) == "$env:A = 'a\u2019\u2019b'\n");
}

TEST_CASE("github takes values as they stand, and several lines between delimiters") {
  CHECK(format_variables(kPlain, VariableFormat::github) == "A={\"x\":\"$y\"}\nB=two words\n");
  CHECK(format_variables({{"A", "1\nEND_OF_A\n2"}}, VariableFormat::github) ==
        "A<<END_OF_A_\n1\nEND_OF_A\n2\nEND_OF_A_\n");
}
