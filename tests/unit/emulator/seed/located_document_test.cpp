#include "emulator/seed/located_document.h"

#include <doctest/doctest.h>

using namespace iothub;
using seed::read_document;

namespace {

std::string refusal(std::string_view text) {
  const auto read = read_document(text, "f.yaml");
  return read ? "read: " + hub::dump(read->value) : read.error().text();
}

std::string value(std::string_view text) {
  const auto read = read_document(text, "f.yaml");
  return read ? hub::dump(read->value) : read.error().text();
}

}  // namespace

TEST_CASE("scalars are read by YAML's core schema") {
  CHECK(value("[1, -2, 0x10, 0o17, 1.5, .5, 1e3, 18446744073709551615]") ==
        "[1,-2,16,15,1.5,0.5,1000.0,18446744073709551615]");
  CHECK(value("[true, False, null, ~, yes, '1', \"true\", 1.2.3, !!str 7]") ==
        R"([true,false,null,null,"yes","1","true","1.2.3","7"])");
  CHECK(value("1: a\ntrue: b\n") == R"({"1":"a","true":"b"})");
}

TEST_CASE("JSON is read as it is, surrogate pairs and escaped slashes included") {
  CHECK(value(R"({"a":"\ud83d\ude00 \/ \u00e9","b":[{"c":"\\ud83d\\ude00"}]})") ==
        "{\"a\":\"\xF0\x9F\x98\x80 / \xC3\xA9\",\"b\":[{\"c\":\"\\\\ud83d\\\\ude00\"}]}");
  CHECK(value("{\n\t\"a\" : 1\n}") == R"({"a":1})");
}

TEST_CASE("JSON lines are an array, and keep their lines") {
  const auto read = read_document("{\"id\":\"a\"}\n\n{\"id\":\"b\",\n", "f");
  CHECK_FALSE(read.has_value());
  const auto lines = read_document("{\"id\":\"a\"}\r\n\n  {\"id\":\"b\"}\n", "f").value();
  CHECK(hub::dump(lines.value) == R"([{"id":"a"},{"id":"b"}])");
  CHECK(lines.mark_of("/1/id").line == 3);
  CHECK(lines.mark_of("/1/id").column == 4);
}

TEST_CASE("a place is that of the member's name, or of the element") {
  const auto read = read_document("devices:\n  - deviceId: d1\n    tags: {a: 1}\n", "f").value();
  CHECK(read.mark_of("/devices/0").line == 2);
  CHECK(read.mark_of("/devices/0").column == 5);
  CHECK(read.mark_of("/devices/0/tags/a").line == 3);
  CHECK(read.mark_of("/devices/0/tags/a").column == 12);
  CHECK(read.mark_of("/devices/0/nothing").line == 2);
}

TEST_CASE("what cannot be a seed is refused with its place") {
  CHECK(refusal("a: 1\na: 2\n") == "f.yaml:2:1: /a: 'a' stands here twice");
  CHECK(refusal("a: .nan\n") == "f.yaml:1:4: /a: JSON has no number '.nan'");
  CHECK(refusal("a: 1e999\n") == "f.yaml:1:4: /a: '1e999' is beyond what a number can be");
  CHECK(refusal("a: &x {b: 1}\nc:\n  <<: *x\n") == "f.yaml:3:3: /c: merge keys (<<) are not supported");
  CHECK(refusal("a: !thing 1\n") == "f.yaml:1:4: /a: the tag '!thing' is not supported");
  CHECK(refusal("? [1]\n: 2\n") == "f.yaml:1:3: a member's name has to be a scalar");
  CHECK(refusal("a: 1\n---\nb: 2\n") == "f.yaml:3:1: it holds more than one document");
  CHECK(refusal("a: 1\nb: \xff\n") == "f.yaml:2:4: it is no text in UTF-8");
  CHECK(refusal("") == "f.yaml:1:1: it is empty");
  CHECK(refusal("a: [1\n").starts_with("f.yaml:2:1: "));
  CHECK(refusal("a: *x\n").starts_with("f.yaml:1:4: "));
}

TEST_CASE("depth and the expansion of aliases are bounded") {
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  CHECK(refusal(deep).find("it nests deeper than 64 levels") != std::string::npos);
  CHECK(refusal(std::string(100'000, '[')).starts_with("f.yaml:1:"));
  CHECK(value(std::string(64, '[') + std::string(64, ']')).starts_with("[["));

  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += "," + before;
    bomb += "]\n";
  }
  CHECK(refusal(bomb).find("aliases expand to more than 100000 values") != std::string::npos);
  CHECK(value("a: &x {b: [1]}\nc: *x\n") == R"({"a":{"b":[1]},"c":{"b":[1]}})");
}
