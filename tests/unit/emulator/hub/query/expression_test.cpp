#include "emulator/hub/query/expression.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "emulator/hub/query/json_row.h"
#include "emulator/hub/query/parser.h"
#include "tests/unit/support/result_text.h"

using namespace iothub::hub;
using namespace iothub::hub::query;

namespace {

const Json kRow = Json::parse(R"json({
  "deviceId": "floor-7",
  "lastActivityTime": "2024-05-07T00:50:38.0543092Z",
  "x509Thumbprint": {"primaryThumbprint": null},
  "tags": {"n": 5, "f": 1.5, "neg": -2, "zero": 0, "s": "abc", "empty": "", "num": "12.5", "t": true, "no": false,
           "nil": null, "list": [1, "two", 3.5, null, {"k": [7]}], "none": [], "o": {"x": {"y": 7}}, "a b": 1,
           "group": "g", "uni": "\u00e4\u00f6\u20ac\ud83d\ude00x", "S": "upper", "whole": 2.0},
  "properties": {"desired": {"mode": "on", "$metadata": {"mode": {"$lastUpdated": "2024-01-01T00:00:00Z"}}, "$version": 4},
                 "reported": {"mode": "off", "t": 21.5, "$version": 7}},
  "configurations": {"fw-1": {"status": "Applied"}}
})json");

/// JSON text of the condition's value; "undefined" for undefined; the reason for what does not parse.
std::string value_of(std::string_view text) {
  const Result<ExpressionPtr> condition = parse_condition(text);
  if (!condition) return condition.error().reason;
  const std::optional<Json> json = to_json(evaluate(**condition, JsonRow(kRow)));
  return json ? dump(*json) : "undefined";
}

struct Case {
  std::string_view text;
  const char* expected;
};

void check(std::span<const Case> rows) {
  for (const Case& row : rows) {
    CAPTURE(row.text);
    CHECK(value_of(row.text) == row.expected);
  }
}

}  // namespace

TEST_CASE("AND, OR and NOT are three-valued: what is not Boolean counts as undefined") {
  struct Operand {
    std::string_view text;
    char value;  // t, f, u
  };
  static constexpr Operand kOperands[] = {
      {"true", 't'},      {"tags.t", 't'},       {"1 = 1", 't'},   {"false", 'f'},    {"tags.no", 'f'}, {"1 = 2", 'f'},
      {"undefined", 'u'}, {"tags.missing", 'u'}, {"null", 'u'},    {"tags.nil", 'u'}, {"1", 'u'},       {"'true'", 'u'},
      {"tags.o", 'u'},    {"tags.list", 'u'},    {"1 = 'a'", 'u'}, {"''", 'u'}};
  const auto name = [](char value) { return value == 't' ? "true" : value == 'f' ? "false" : "undefined"; };
  for (const Operand& a : kOperands) {
    CAPTURE(a.text);
    CHECK(value_of("NOT " + std::string(a.text)) == name(a.value == 't' ? 'f' : a.value == 'f' ? 't' : 'u'));
    for (const Operand& b : kOperands) {
      CAPTURE(b.text);
      const char both = a.value == 'f' || b.value == 'f' ? 'f' : a.value == 't' && b.value == 't' ? 't' : 'u';
      const char either = a.value == 't' || b.value == 't' ? 't' : a.value == 'f' && b.value == 'f' ? 'f' : 'u';
      CHECK(value_of(std::string(a.text) + " AND " + std::string(b.text)) == name(both));
      CHECK(value_of(std::string(a.text) + " OR " + std::string(b.text)) == name(either));
    }
  }
}

TEST_CASE("primitives of one type compare; everything else is undefined") {
  static constexpr Case kRows[] = {
      {"1 = 1", "true"},
      {"1 = 1.0", "true"},
      {"1 = 2", "false"},
      {"1 != 2", "true"},
      {"1 <> 1", "false"},
      {"1 < 2", "true"},
      {"2 < 1", "false"},
      {"1 < 1", "false"},
      {"1 <= 1", "true"},
      {"2 <= 1", "false"},
      {"2 > 1", "true"},
      {"1 > 1", "false"},
      {"1 >= 1", "true"},
      {"1 >= 2", "false"},
      {"-1 < 0", "true"},
      {"0x10 = 16", "true"},
      {"tags.n = 5", "true"},
      {"tags.n >= 5.5", "false"},
      {"tags.f > 1", "true"},
      {"tags.whole = 2", "true"},
      {"tags.neg = -2", "true"},
      {"tags.neg < tags.zero", "true"},
      {"'a' = 'a'", "true"},
      {"'a' = 'A'", "false"},
      {"'a' < 'b'", "true"},
      {"'a' < 'aa'", "true"},
      {"'B' < 'a'", "true"},
      {"'' < 'a'", "true"},
      {"tags.s = \"abc\"", "true"},
      {"tags.s != 'abc'", "false"},
      {"tags.s >= 'abb'", "true"},
      {"'10' < '9'", "true"},
      {"lastActivityTime > '2024-05-06'", "true"},
      {"lastActivityTime < '2024-05-07'", "false"},
      {"lastActivityTime >= '2024-05-07T00:50:38.0543092Z'", "true"},
      {"true = true", "true"},
      {"true = false", "false"},
      {"true != false", "true"},
      {"false < true", "true"},
      {"true > false", "true"},
      {"tags.t = true", "true"},
      {"tags.no != true", "true"},
      {"null = null", "true"},
      {"null != null", "false"},
      {"null >= null", "true"},
      {"null < null", "false"},
      {"tags.nil = null", "true"},
      {"x509Thumbprint.primaryThumbprint = null", "true"},
      // Different types.
      {"1 = '1'", "undefined"},
      {"1 != '1'", "undefined"},
      {"1 < 'a'", "undefined"},
      {"1 = true", "undefined"},
      {"0 = false", "undefined"},
      {"'true' = true", "undefined"},
      {"'' = null", "undefined"},
      {"0 = null", "undefined"},
      {"false = null", "undefined"},
      {"tags.n = '5'", "undefined"},
      {"tags.s != null", "undefined"},
      // Undefined.
      {"tags.missing = 1", "undefined"},
      {"tags.missing != 1", "undefined"},
      {"tags.missing = undefined", "undefined"},
      {"undefined = undefined", "undefined"},
      {"undefined != undefined", "undefined"},
      {"tags.missing = null", "undefined"},
      {"NOT tags.missing = 1", "undefined"},
      {"tags.missing < 1", "undefined"},
      // Arrays and objects.
      {"tags.o = tags.o", "undefined"},
      {"tags.list = tags.list", "undefined"},
      {"tags.o != 1", "undefined"},
      {"tags.list = [1]", "undefined"},
      {"[1] = [1]", "undefined"},
      {"tags.o < tags.o", "undefined"},
      // Two members of the row.
      {"properties.desired.mode = properties.reported.mode", "false"},
      {"properties.desired.mode <> properties.reported.mode", "true"},
      {"properties.desired.$version < properties.reported.$version", "true"},
      {"(1 = 1) = true", "true"},
      {"(1 = 'a') = true", "undefined"},
      {"(1 = 1) = (2 = 2)", "true"},
  };
  check(kRows);
}

TEST_CASE("IN and NIN look for an equal primitive") {
  static constexpr Case kRows[] = {
      {"tags.n IN [5]", "true"},
      {"tags.n IN [1, 5]", "true"},
      {"tags.n IN [1, 2]", "false"},
      {"tags.n IN []", "false"},
      {"tags.n IN [5.0]", "true"},
      {"tags.n IN ['5']", "false"},
      {"tags.n IN ('a', 5)", "true"},
      {"tags.s IN ['abc', 'x']", "true"},
      {"tags.s IN ['ABC']", "false"},
      {"tags.t IN [true]", "true"},
      {"tags.nil IN [null]", "true"},
      {"tags.neg IN [-2]", "true"},
      {"tags.n NIN [5]", "false"},
      {"tags.n NIN [1]", "true"},
      {"tags.n NIN []", "true"},
      {"tags.n NIN ['5']", "true"},
      {"tags.s NIN ['x', 'y']", "true"},
      {"tags.missing IN [1]", "undefined"},
      {"tags.missing NIN [1]", "undefined"},
      {"undefined IN [1]", "undefined"},
      {"tags.o IN [1]", "false"},
      {"tags.list IN [1]", "false"},
      {"deviceId IN ['floor-1', 'floor-7']", "true"},
      {"NOT tags.n IN [5]", "false"},
      {"tags.n + 1 IN [6]", "true"},
      {"1 IN [1] AND 2 NIN [1]", "true"},
  };
  check(kRows);
}

TEST_CASE("arithmetic is for finite numbers") {
  static constexpr Case kRows[] = {
      {"1 + 2", "3"},
      {"1 - 2", "-1"},
      {"2 * 3", "6"},
      {"7 / 2", "3.5"},
      {"6 / 2", "3"},
      {"7 % 4", "3"},
      {"-7 % 4", "-3"},
      {"7.5 % 2", "1.5"},
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"10 - 4 - 3", "3"},
      {"100 / 10 / 2", "5"},
      {"2 * 7 % 4", "2"},
      {"-tags.n", "-5"},
      {"- -tags.n", "5"},
      {"+tags.n", "5"},
      {"-tags.n + 1", "-4"},
      {"tags.n + tags.f", "6.5"},
      {"0.1 + 0.2", "0.30000000000000004"},
      {"0x10 + 1", "17"},
      {"1e2 * 2", "200"},
      {"1 / 0", "undefined"},
      {"0 / 0", "undefined"},
      {"-1 / 0", "undefined"},
      {"1 % 0", "undefined"},
      {"1e308 * 10", "undefined"},
      {"1 + 'a'", "undefined"},
      {"'a' + 'b'", "undefined"},
      {"1 + null", "undefined"},
      {"1 + true", "undefined"},
      {"1 + tags.missing", "undefined"},
      {"-tags.s", "undefined"},
      {"-null", "undefined"},
      {"+tags.s", "\"abc\""},
      {"tags.o * 1", "undefined"},
      {"tags.n * 2 > 9", "true"},
      {"tags.n > 1 + tags.missing", "undefined"},
      {"properties.reported.t - 20 > 1", "true"},
      {"4503599627370495 + 0", "4503599627370495"},
  };
  check(kRows);
}

TEST_CASE("a path leads to a member, through arrays by index, and nowhere is undefined") {
  static constexpr Case kRows[] = {
      {"deviceId", "\"floor-7\""},
      {"DEVICEID", "\"floor-7\""},
      {"devices.deviceId", "\"floor-7\""},
      {"tags.n", "5"},
      {"tags.s", "\"abc\""},
      {"tags.S", "\"upper\""},
      {"tags.N", "undefined"},
      {"tags.o.x.y", "7"},
      {"tags.o.x", R"({"y":7})"},
      {"tags.o.x.y.z", "undefined"},
      {"tags.s.x", "undefined"},
      {"tags.[[a b]]", "1"},
      {"tags.[[group]]", "\"g\""},
      {"tags.list[0]", "1"},
      {"tags.list[1]", "\"two\""},
      {"tags.list[2]", "3.5"},
      {"tags.list[3]", "null"},
      {"tags.list[4].k[0]", "7"},
      {"tags.list[5]", "undefined"},
      {"tags.list[0][0]", "undefined"},
      {"tags.list.x", "undefined"},
      {"tags.o[0]", "undefined"},
      {"tags.none", "[]"},
      {"tags.none[0]", "undefined"},
      {"tags.nil", "null"},
      {"tags.nil.x", "undefined"},
      {"missing", "undefined"},
      {"missing.x[1]", "undefined"},
      {"properties.desired.$version", "4"},
      {"properties.desired.$metadata.mode.$lastUpdated", "\"2024-01-01T00:00:00Z\""},
      {"configurations.[[fw-1]].status", "\"Applied\""},
      {"configurations.fw-1.status = 'Applied'", "true"},
      {"configurations.[[fw-2]].status = 'Applied'", "undefined"},
      {"true", "true"},
      {"null", "null"},
      {"undefined", "undefined"},
      {"'x'", "\"x\""},
      {"[1, 'a', true]", "[1,\"a\",true]"},
  };
  check(kRows);
}

TEST_CASE("functions answer for their types and give undefined for the others") {
  static constexpr Case kRows[] = {
      {"is_defined(tags.n)", "true"},
      {"is_defined(tags.nil)", "true"},
      {"is_defined(tags.missing)", "false"},
      {"is_defined(tags.o)", "true"},
      {"is_defined(undefined)", "false"},
      {"is_defined(1 + 'a')", "false"},
      {"NOT is_defined(tags.missing)", "true"},
      {"is_defined(tags.no)", "true"},
      {"is_defined(tags.empty)", "true"},
      {"is_null(tags.nil)", "true"},
      {"is_null(tags.missing)", "false"},
      {"is_null(0)", "false"},
      {"is_bool(tags.no)", "true"},
      {"is_bool(0)", "false"},
      {"is_bool(tags.missing)", "false"},
      {"is_number(tags.f)", "true"},
      {"is_number('1')", "false"},
      {"is_string(tags.empty)", "true"},
      {"is_string(1)", "false"},
      {"is_array(tags.list)", "true"},
      {"is_array([1])", "true"},
      {"is_array(tags.o)", "false"},
      {"is_array('a')", "false"},
      {"is_object(tags.o)", "true"},
      {"is_object(tags.list)", "false"},
      {"is_object(tags.missing)", "false"},
      {"is_primitive(1)", "true"},
      {"is_primitive(null)", "true"},
      {"is_primitive(tags.o)", "false"},
      {"is_primitive(tags.missing)", "false"},
      {"is_primitive(tags.list)", "false"},
      {"array_contains(tags.list, 1)", "true"},
      {"array_contains(tags.list, 'two')", "true"},
      {"array_contains(tags.list, 2)", "false"},
      {"array_contains(tags.list, null)", "true"},
      {"array_contains(tags.list, '1')", "false"},
      {"array_contains(tags.none, 1)", "false"},
      {"array_contains([1, 2], tags.f + 0.5)", "true"},
      {"array_contains(tags.o, 1)", "undefined"},
      {"array_contains('abc', 'a')", "undefined"},
      {"array_contains(tags.missing, 1)", "undefined"},
      {"array_contains(tags.list, tags.missing)", "undefined"},
      {"startswith(deviceId, 'floor')", "true"},
      {"starts_with(deviceId, 'Floor')", "false"},
      {"STARTSWITH(tags.s, '')", "true"},
      {"startswith(tags.s, 'abcd')", "false"},
      {"startswith(tags.n, '5')", "undefined"},
      {"startswith(tags.s, 1)", "undefined"},
      {"startswith(tags.missing, 'a')", "undefined"},
      {"endswith(deviceId, '-7')", "true"},
      {"ends_with(tags.s, 'b')", "false"},
      {"endswith(null, 'a')", "undefined"},
      {"contains(deviceId, 'oor')", "true"},
      {"contains(tags.s, 'x')", "false"},
      {"contains(tags.list, 1)", "undefined"},
      {"length(tags.s)", "3"},
      {"length('')", "0"},
      {"length(tags.uni)", "5"},
      {"length(1)", "undefined"},
      {"length(tags.list)", "undefined"},
      {"lower('AbC')", "\"abc\""},
      {"upper('AbC')", "\"ABC\""},
      {"lower(1)", "undefined"},
      {"upper(tags.missing)", "undefined"},
      {"concat('a', 'b', 'c')", "\"abc\""},
      {"concat(tags.s, 1)", "undefined"},
      {"concat(tags.s, tags.missing)", "undefined"},
      {"substring(tags.s, 1)", "\"bc\""},
      {"substring(tags.s, 0, 2)", "\"ab\""},
      {"substring(tags.s, 1, 1)", "\"b\""},
      {"substring(tags.s, 3)", "\"\""},
      {"substring(tags.s, 9)", "\"\""},
      {"substring(tags.s, 1, 99)", "\"bc\""},
      {"substring(tags.s, 1, 0)", "\"\""},
      {"substring(tags.s, -1)", "undefined"},
      {"substring(tags.s, 0, -1)", "undefined"},
      {"substring(tags.s, 'a')", "undefined"},
      {"substring(tags.s, 0, 'a')", "undefined"},
      {"substring(1, 1)", "undefined"},
      {"substring(tags.uni, 2, 2)", "\"\u20ac\U0001F600\""},
      {"substring(tags.uni, 4)", "\"x\""},
      {"substring(tags.s, 1e300)", "\"\""},
      {"index_of(tags.s, 'b')", "1"},
      {"index_of(tags.s, 'x')", "-1"},
      {"index_of(tags.s, '')", "0"},
      {"index_of(tags.uni, 'x')", "4"},
      {"index_of(tags.n, '5')", "undefined"},
      {"index_of(tags.s, 1)", "undefined"},
      {"as_number('12.5')", "12.5"},
      {"as_number(tags.num) > 12", "true"},
      {"as_number(7)", "7"},
      {"as_number('-3')", "-3"},
      {"as_number('1e2')", "100"},
      {"as_number('')", "undefined"},
      {"as_number('12x')", "undefined"},
      {"as_number('abc')", "undefined"},
      {"as_number('inf')", "undefined"},
      {"as_number('nan')", "undefined"},
      {"as_number(true)", "undefined"},
      {"as_number(null)", "undefined"},
      {"abs(-1.5)", "1.5"},
      {"abs(tags.neg)", "2"},
      {"abs('1')", "undefined"},
      {"ceiling(1.2)", "2"},
      {"floor(-1.2)", "-2"},
      {"sign(-9)", "-1"},
      {"sign(0)", "0"},
      {"sign(3)", "1"},
      {"square(3)", "9"},
      {"sqrt(9)", "3"},
      {"sqrt(-1)", "undefined"},
      {"exp(0)", "1"},
      {"exp(1000)", "undefined"},
      {"power(2, 10)", "1024"},
      {"power(2, 'a')", "undefined"},
      {"power(10, 400)", "undefined"},
      {"power(-1, 0.5)", "undefined"},
      {"floor(tags.missing)", "undefined"},
  };
  check(kRows);
}

TEST_CASE("a projected number stands as it was written") {
  const JsonRow row(kRow);
  const auto path = [](std::string_view text) { return std::get<Path>(parse_condition(text).value()->node); };
  CHECK(dump(*row.json(path("tags.whole"))) == "2.0");
  CHECK(dump(*row.json(path("tags.n"))) == "5");
  CHECK(dump(*row.json(path("tags.nil"))) == "null");
  CHECK(dump(*row.json(path("tags.o"))) == R"({"x":{"y":7}})");
  CHECK_FALSE(row.json(path("tags.missing")));
}

// ---- property: random conditions over random twins against a second, simple evaluator -------------------------------

namespace {

/// A condition as the test makes it: rendered to text for the parser, evaluated here for the expectation.
struct Node {
  enum class Kind { literal, undefined, path, not_, negate, binary, in, nin, call };
  Kind kind = Kind::literal;
  Json literal;
  std::vector<std::string> path;
  std::string op;  ///< operator or function
  std::vector<Node> kids;
};

using Maybe = std::optional<Json>;  // nothing: undefined

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool once_in(std::size_t n) { return below(n) == 0; }
  template <typename T, std::size_t N>
  const T& of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::mt19937 engine_;
};

Json primitive(Chance& chance) {
  switch (chance.below(8)) {
    case 0:
      return true;
    case 1:
      return false;
    case 2:
      return static_cast<std::int64_t>(chance.below(4));
    case 3:
      return -1;
    case 4:
      return 1.5;
    case 5:
      return "a";
    case 6:
      return "ab";
    default:
      return "it's";
  }
}

Json member(Chance& chance, int depth) {
  if (depth > 0 && chance.once_in(4)) {
    Json object = Json::object();
    for (const char* name : {"a", "b", "c d"}) {
      if (!chance.once_in(3)) object[name] = member(chance, depth - 1);
    }
    return object;
  }
  if (chance.once_in(8)) return Json::array({primitive(chance), primitive(chance)});
  return primitive(chance);
}

Json random_twin(Chance& chance) {
  const auto section = [&] {
    Json object = Json::object();
    for (const char* name : {"a", "b", "c d"}) {
      if (!chance.once_in(4)) object[name] = member(chance, 2);
    }
    return object;
  };
  return {{"deviceId", chance.once_in(2) ? "a" : "b"},
          {"tags", section()},
          {"properties", {{"desired", section()}, {"reported", section()}}},
          {"x509Thumbprint", {{"primaryThumbprint", nullptr}}}};
}

Node leaf(Chance& chance) {
  Node node;
  switch (chance.below(5)) {
    case 0:
      node.literal = chance.once_in(6) ? Json(nullptr) : primitive(chance);
      return node;
    case 1:
      if (chance.once_in(4)) node.kind = Node::Kind::undefined;
      if (node.kind == Node::Kind::literal) node.literal = primitive(chance);
      return node;
    default: {
      static constexpr const char* kRoots[] = {"tags", "properties", "deviceId", "x509Thumbprint"};
      static constexpr const char* kNames[] = {"a", "b", "c d"};
      node.kind = Node::Kind::path;
      node.path = {chance.of(kRoots)};
      if (node.path[0] == "deviceId") return node;
      if (node.path[0] == "x509Thumbprint") node.path.emplace_back("primaryThumbprint");
      if (node.path[0] == "properties") node.path.emplace_back(chance.once_in(2) ? "desired" : "reported");
      if (node.path[0] == "tags" || node.path[0] == "properties") {
        do {
          node.path.emplace_back(chance.of(kNames));
        } while (chance.once_in(3));
      }
      return node;
    }
  }
}

Node random_condition(Chance& chance, int depth) {
  if (depth == 0 || chance.once_in(6)) return leaf(chance);
  static constexpr const char* kLogic[] = {"AND", "OR"};
  static constexpr const char* kComparisons[] = {"=", "!=", "<>", "<", "<=", ">", ">="};
  static constexpr const char* kArithmetic[] = {"+", "-", "*", "/", "%"};
  static constexpr const char* kOfOne[] = {"is_defined", "IS_NULL",  "Is_Bool",   "is_number",
                                           "is_string",  "is_array", "is_object", "is_primitive"};
  static constexpr const char* kOfTwo[] = {"startswith", "contains", "array_contains"};
  Node node;
  const auto kid = [&] { node.kids.push_back(random_condition(chance, depth - 1)); };
  switch (chance.below(9)) {
    case 0:
    case 1:
    case 2:
      node.kind = Node::Kind::binary;
      node.op = chance.of(kLogic);
      kid(), kid();
      return node;
    case 3:
    case 4:
      node.kind = Node::Kind::binary;
      node.op = chance.of(kComparisons);
      kid(), kid();
      return node;
    case 5:
      node.kind = Node::Kind::binary;
      node.op = chance.of(kArithmetic);
      kid(), kid();
      return node;
    case 6:
      node.kind = chance.once_in(3) ? Node::Kind::negate : Node::Kind::not_;
      kid();
      return node;
    case 7:
      node.kind = chance.once_in(2) ? Node::Kind::in : Node::Kind::nin;
      node.literal = Json::array({primitive(chance), primitive(chance), nullptr});
      kid();
      return node;
    default:
      node.kind = Node::Kind::call;
      node.op = chance.once_in(2) ? chance.of(kOfTwo) : chance.of(kOfOne);
      kid();
      if (node.op == "startswith" || node.op == "contains" || node.op == "array_contains") kid();
      return node;
  }
}

std::string render_literal(const Json& json, Chance& chance) {
  if (json.is_array()) {
    std::string out = "[";
    for (const Json& entry : json) out += (out.size() > 1 ? ", " : "") + render_literal(entry, chance);
    return out + "]";
  }
  if (!json.is_string()) return json.dump();
  std::string out;
  for (const char c : json.get<std::string>())
    out += c == '\'' ? (chance.once_in(2) ? "\\'" : "''") : std::string(1, c);
  return "'" + out + "'";
}

/// How tightly an operator binds: a looser operand needs parentheses.
int binding(const Node& node) {
  switch (node.kind) {
    case Node::Kind::binary:
      if (node.op == "OR") return 1;
      if (node.op == "AND") return 2;
      if (node.op == "+" || node.op == "-") return 5;
      return node.op == "*" || node.op == "/" || node.op == "%" ? 6 : 4;
    case Node::Kind::not_:
      return 3;
    case Node::Kind::in:
    case Node::Kind::nin:
      return 4;
    case Node::Kind::negate:
      return 7;
    case Node::Kind::literal:
      return node.literal.is_number() && node.literal < 0 ? 7 : 8;
    case Node::Kind::undefined:
    case Node::Kind::path:
    case Node::Kind::call:
      return 8;
  }
  return 0;
}

std::string render(const Node& node, int least, Chance& chance) {
  if (binding(node) < least || chance.once_in(8)) return "(" + render(node, 0, chance) + ")";
  const auto kid = [&](std::size_t i, int level) { return render(node.kids[i], level, chance); };
  switch (node.kind) {
    case Node::Kind::literal:
      return render_literal(node.literal, chance);
    case Node::Kind::undefined:
      return "undefined";
    case Node::Kind::path: {
      std::string out = chance.once_in(4) ? "devices" : "";
      for (const std::string& name : node.path) {
        const bool quoted = name == "c d" || chance.once_in(5);
        out += (out.empty() ? "" : ".") + (quoted ? "[[" + name + "]]" : name);
      }
      return out;
    }
    case Node::Kind::not_:
      return "NOT " + kid(0, 3);
    case Node::Kind::negate:
      return "-" + kid(0, 7);
    case Node::Kind::in:
      return kid(0, 5) + " IN " + render_literal(node.literal, chance);
    case Node::Kind::nin:
      return kid(0, 5) + " NIN " + render_literal(node.literal, chance);
    case Node::Kind::call: {
      std::string out = node.op + "(" + kid(0, 0);
      return out + (node.kids.size() > 1 ? ", " + kid(1, 0) : "") + ")";
    }
    case Node::Kind::binary: {
      const int level = binding(node);
      const int left = level == 4 ? 5 : level;  // comparisons do not chain
      return kid(0, left) + " " + node.op + " " + kid(1, level + (level == 1 || level == 2 ? 0 : 1));
    }
  }
  return {};
}

bool same_type(const Json& a, const Json& b) {
  return (a.is_number() && b.is_number()) || (a.is_string() && b.is_string()) || (a.is_boolean() && b.is_boolean()) ||
         (a.is_null() && b.is_null());
}

Maybe naive(const Node& node, const Json& twin) {
  std::vector<Maybe> of;
  for (const Node& kid : node.kids) of.push_back(naive(kid, twin));
  const auto is = [](const Maybe& value, bool wanted) { return value && value->is_boolean() && *value == wanted; };
  const auto number = [](const Maybe& value) { return value && value->is_number(); };
  const auto finite = [](double value) { return std::isfinite(value) ? Maybe(value) : Maybe(); };
  switch (node.kind) {
    case Node::Kind::literal:
      return node.literal;
    case Node::Kind::undefined:
      return std::nullopt;
    case Node::Kind::path: {
      Json here = twin;
      for (const std::string& name : node.path) {
        if (!here.is_object() || !here.contains(name)) return std::nullopt;
        here = Json(here[name]);
      }
      return here;
    }
    case Node::Kind::not_:
      return is(of[0], true) ? Maybe(false) : is(of[0], false) ? Maybe(true) : Maybe();
    case Node::Kind::negate:
      return number(of[0]) ? Maybe(0.0 - of[0]->get<double>()) : Maybe();
    case Node::Kind::in:
    case Node::Kind::nin: {
      if (!of[0]) return std::nullopt;
      bool found = false;
      for (const Json& entry : node.literal) found = found || (same_type(entry, *of[0]) && entry == *of[0]);
      return found == (node.kind == Node::Kind::in);
    }
    case Node::Kind::call: {
      const Json value = of[0].value_or(Json("unused"));
      if (node.op == "is_defined") return of[0].has_value();
      if (node.op == "IS_NULL") return of[0] && value.is_null();
      if (node.op == "Is_Bool") return of[0] && value.is_boolean();
      if (node.op == "is_number") return of[0] && value.is_number();
      if (node.op == "is_string") return of[0] && value.is_string();
      if (node.op == "is_array") return of[0] && value.is_array();
      if (node.op == "is_object") return of[0] && value.is_object();
      if (node.op == "is_primitive") return of[0] && value.is_primitive();
      if (!of[0] || !of[1]) return std::nullopt;
      if (node.op == "array_contains") {
        if (!value.is_array()) return std::nullopt;
        bool found = false;
        for (const Json& entry : value) found = found || entry == *of[1];
        return found;
      }
      if (!value.is_string() || !of[1]->is_string()) return std::nullopt;
      const std::size_t at = value.get<std::string>().find(of[1]->get<std::string>());
      return node.op == "contains" ? at != std::string::npos : at == 0;
    }
    case Node::Kind::binary:
      break;
  }
  if (node.op == "AND") {
    if (is(of[0], false) || is(of[1], false)) return false;
    return is(of[0], true) && is(of[1], true) ? Maybe(true) : Maybe();
  }
  if (node.op == "OR") {
    if (is(of[0], true) || is(of[1], true)) return true;
    return is(of[0], false) && is(of[1], false) ? Maybe(false) : Maybe();
  }
  if (!of[0] || !of[1]) return std::nullopt;
  const Json& a = *of[0];
  const Json& b = *of[1];
  if (std::string_view("+-*/%").find(node.op) != std::string_view::npos) {
    if (!number(of[0]) || !number(of[1])) return std::nullopt;
    const double x = a.get<double>();
    const double y = b.get<double>();
    if (node.op == "+") return finite(x + y);
    if (node.op == "-") return finite(x - y);
    if (node.op == "*") return finite(x * y);
    if (node.op == "/") return finite(x / y);
    return finite(std::fmod(x, y));
  }
  if (!same_type(a, b)) return std::nullopt;
  if (node.op == "=") return a == b;
  if (node.op == "!=" || node.op == "<>") return a != b;
  if (node.op == "<") return a < b;
  if (node.op == "<=") return a < b || a == b;
  if (node.op == ">") return b < a;
  return b < a || a == b;
}

}  // namespace

TEST_CASE("random conditions over random twins mean what a plain evaluator says") {
  Chance chance(20240507);
  int trues = 0;
  int falses = 0;
  int undefineds = 0;
  for (int round = 0; round < 700; ++round) {
    const Node node = random_condition(chance, 4);
    const std::string text = render(node, 0, chance);
    CAPTURE(text);
    const Result<ExpressionPtr> condition = parse_condition(text);
    REQUIRE(condition);
    for (int i = 0; i < 3; ++i) {
      const Json twin = random_twin(chance);
      CAPTURE(twin.dump());
      const Maybe expected = naive(node, twin);
      const std::optional<Json> actual = to_json(evaluate(**condition, JsonRow(twin)));
      REQUIRE(actual.has_value() == expected.has_value());
      if (expected) REQUIRE(*actual == *expected);
      trues += expected && *expected == true ? 1 : 0;
      falses += expected && *expected == false ? 1 : 0;
      undefineds += expected ? 0 : 1;
    }
  }
  // The generator reaches all three outcomes, each often.
  CHECK(trues > 60);
  CHECK(falses > 100);
  CHECK(undefineds > 300);
}
