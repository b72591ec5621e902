#include "emulator/hub/query/parser.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/unit/support/result_text.h"

using namespace iothub::hub;
using namespace iothub::hub::query;

namespace {

std::string_view symbol(Operator op) {
  switch (op) {
    case Operator::logical_and:
      return "AND";
    case Operator::logical_or:
      return "OR";
    case Operator::logical_not:
      return "NOT";
    case Operator::equal:
      return "=";
    case Operator::not_equal:
      return "!=";
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    case Operator::in:
      return "IN";
    case Operator::not_in:
      return "NIN";
    case Operator::add:
      return "+";
    case Operator::subtract:
      return "-";
    case Operator::multiply:
      return "*";
    case Operator::divide:
      return "/";
    case Operator::remainder:
      return "%";
    case Operator::negate:
      return "neg";
  }
  return "?";
}

/// The tree as nested lists: `(= deviceId "x")`.
std::string tree(const Expression& expression) {
  if (const Literal* literal = std::get_if<Literal>(&expression.node)) {
    return literal->undefined ? "undefined" : dump(literal->json);
  }
  if (const Path* path = std::get_if<Path>(&expression.node)) return path->text();
  std::string out = "(";
  const std::vector<ExpressionPtr>* operands = nullptr;
  if (const Operation* operation = std::get_if<Operation>(&expression.node)) {
    out += symbol(operation->op);
    operands = &operation->operands;
  } else {
    const Call& call = std::get<Call>(expression.node);
    out += call.name;
    operands = &call.arguments;
  }
  for (const ExpressionPtr& operand : *operands) out += " " + tree(*operand);
  return out + ")";
}

std::string tree_of(std::string_view text) {
  Result<ExpressionPtr> condition = parse_condition(text);
  return condition ? tree(**condition) : condition.error().reason;
}

std::string join(const std::vector<Path>& paths) {
  std::string out;
  for (const Path& path : paths) out += (out.empty() ? "" : ", ") + path.text();
  return out;
}

/// `count: COUNT(), name: path`
std::string items(const Query& query) {
  static constexpr const char* kNames[] = {"", "COUNT", "AVG", "SUM", "MIN", "MAX"};
  std::string out;
  for (const SelectItem& item : query.items) {
    out += (out.empty() ? "" : ", ") + item.name + ": ";
    const std::string path = item.path.text();
    out += item.aggregate == Aggregate::none ? path
                                             : kNames[static_cast<std::size_t>(item.aggregate)] + ("(" + path + ")");
  }
  return out.empty() ? "*" : out;
}

struct Case {
  std::string_view text;
  const char* expected;
};

}  // namespace

TEST_CASE("a condition is read into the tree that its operators mean") {
  static constexpr Case kRows[] = {
      // Comparisons, each spelling.
      {"tags.a = 1", "(= tags.a 1)"},
      {"tags.a != 1", "(!= tags.a 1)"},
      {"tags.a <> 1", "(!= tags.a 1)"},
      {"tags.a < 1", "(< tags.a 1)"},
      {"tags.a <= 1", "(<= tags.a 1)"},
      {"tags.a > 1", "(> tags.a 1)"},
      {"tags.a >= 1", "(>= tags.a 1)"},
      {"tags.a=1", "(= tags.a 1)"},
      {"1=tags.a", "(= 1 tags.a)"},
      {"tags.a>=-1", "(>= tags.a (neg 1))"},
      {"properties.desired.x = properties.reported.x", "(= properties.desired.x properties.reported.x)"},
      // Logic: NOT before AND before OR.
      {"tags.a AND tags.b", "(AND tags.a tags.b)"},
      {"tags.a OR tags.b", "(OR tags.a tags.b)"},
      {"NOT tags.a", "(NOT tags.a)"},
      {"not not tags.a", "(NOT (NOT tags.a))"},
      {"tags.a and tags.b And tags.c aNd tags.d", "(AND tags.a tags.b tags.c tags.d)"},
      {"tags.a or tags.b OR tags.c", "(OR tags.a tags.b tags.c)"},
      {"tags.a OR tags.b AND tags.c", "(OR tags.a (AND tags.b tags.c))"},
      {"tags.a AND tags.b OR tags.c", "(OR (AND tags.a tags.b) tags.c)"},
      {"(tags.a OR tags.b) AND tags.c", "(AND (OR tags.a tags.b) tags.c)"},
      {"NOT tags.a = 1", "(NOT (= tags.a 1))"},
      {"NOT tags.a AND tags.b", "(AND (NOT tags.a) tags.b)"},
      {"NOT (tags.a AND tags.b)", "(NOT (AND tags.a tags.b))"},
      {"tags.a = 1 AND NOT tags.b = 2 OR tags.c > 3", "(OR (AND (= tags.a 1) (NOT (= tags.b 2))) (> tags.c 3))"},
      {"(tags.a = 1) = true", "(= (= tags.a 1) true)"},
      // Arithmetic: * / % before + -, from the left.
      {"1 + 2", "(+ 1 2)"},
      {"1 - 2", "(- 1 2)"},
      {"1 * 2", "(* 1 2)"},
      {"1 / 2", "(/ 1 2)"},
      {"1 % 2", "(% 1 2)"},
      {"1-2", "(- 1 2)"},
      {"1 - 2 - 3", "(- (- 1 2) 3)"},
      {"1 - (2 - 3)", "(- 1 (- 2 3))"},
      {"8 / 4 / 2", "(/ (/ 8 4) 2)"},
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"(1 + 2) * 3", "(* (+ 1 2) 3)"},
      {"1 * 2 + 3 % 4", "(+ (* 1 2) (% 3 4))"},
      {"-tags.a", "(neg tags.a)"},
      {"- - 1", "(neg (neg 1))"},
      {"--1", "(neg (neg 1))"},
      {"+1", "1"},
      {"-1 * -2", "(* (neg 1) (neg 2))"},
      {"tags.a + 1 > tags.b * 2", "(> (+ tags.a 1) (* tags.b 2))"},
      {"tags.a + 1 IN [1, 2]", "(IN (+ tags.a 1) [1,2])"},
      // Constants.
      {"true", "true"},
      {"TRUE", "true"},
      {"False", "false"},
      {"null", "null"},
      {"NULL", "null"},
      {"undefined", "undefined"},
      {"Undefined", "undefined"},
      {"0", "0"},
      {"12", "12"},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"1.0", "1"},
      {"1e3", "1000"},
      {"1.25E-2", "0.0125"},
      {"0x0", "0"},
      {"0xff", "255"},
      {"0XFf", "255"},
      {"0x1F-3", "(- 31 3)"},
      {"4503599627370495", "4503599627370495"},
      {"'a'", R"("a")"},
      {R"("a")", R"("a")"},
      {"''", R"("")"},
      {R"("")", R"("")"},
      {"'say \"hi\"'", R"("say \"hi\"")"},
      {R"("it's")", R"("it's")"},
      {"'it''s'", R"("it's")"},
      {"''''", R"("'")"},
      {R"("a""b")", R"("a\"b")"},
      {R"('it\'s')", R"("it's")"},
      {R"("a\"b")", R"("a\"b")"},
      {R"('a\\b')", R"("a\\b")"},
      {R"('\\')", R"("\\")"},
      {R"('a\/b')", R"("a/b")"},
      {R"('a\nb\tc\rd\be\ff')", R"("a\nb\tc\rd\be\ff")"},
      {R"('\u0041')", R"("A")"},
      {R"('\u00e4')", "\"\u00e4\""},
      {R"('\u20AC')", "\"\u20ac\""},
      {R"('\ud83d\ude00')", "\"\U0001F600\""},
      {"'\u00e4\u20ac'", "\"\u00e4\u20ac\""},
      {"'a\nb'", R"("a\nb")"},
      {"'/* no comment */'", R"("/* no comment */")"},
      // Lists.
      {"tags.a IN [1]", "(IN tags.a [1])"},
      {"tags.a in ['x', \"y\", 2, -3, -1.5, true, null]", R"((IN tags.a ["x","y",2,-3,-1.5,true,null]))"},
      {"tags.a IN []", "(IN tags.a [])"},
      {"tags.a IN ('x', 'y')", R"((IN tags.a ["x","y"]))"},
      {"tags.a NIN ['x']", R"((NIN tags.a ["x"]))"},
      {"tags.a nin (1)", "(NIN tags.a [1])"},
      {"NOT tags.a IN [1] AND tags.b NIN [2]", "(AND (NOT (IN tags.a [1])) (NIN tags.b [2]))"},
      {"tags.a IN [1, undefined]", "(IN tags.a [1])"},
      {"[1, 2]", "[1,2]"},
      // Functions, in any case.
      {"is_defined(tags.a)", "(IS_DEFINED tags.a)"},
      {"IS_DEFINED(tags.a)", "(IS_DEFINED tags.a)"},
      {"Is_Defined( tags.a )", "(IS_DEFINED tags.a)"},
      {"NOT is_defined(tags.a)", "(NOT (IS_DEFINED tags.a))"},
      {"ARRAY_CONTAINS(parentScopes, 's')", R"((ARRAY_CONTAINS parentScopes "s"))"},
      {"STARTSWITH(deviceId, 'a') = true", R"((= (STARTSWITH deviceId "a") true))"},
      {"concat('a', 'b', tags.c)", R"((CONCAT "a" "b" tags.c))"},
      {"substring(tags.a, 1, 2 + 3)", "(SUBSTRING tags.a 1 (+ 2 3))"},
      {"length(lower(tags.a)) > 2", "(> (LENGTH (LOWER tags.a)) 2)"},
      // Space and comments.
      {" \t\r\n tags.a\n=\r\n1 ", "(= tags.a 1)"},
      {"/* why */ tags.a /**/ = /* * / */ 1 /* end */", "(= tags.a 1)"},
      {"tags . a . b = 1", "(= tags.a.b 1)"},
  };
  for (const Case& row : kRows) {
    CAPTURE(row.text);
    CHECK(tree_of(row.text) == row.expected);
  }
}

TEST_CASE("a path names members of the twin, quoted where it must be, and the twin's own members in any case") {
  static constexpr Case kRows[] = {
      {"tags.location.region", "tags.location.region"},
      {"properties.desired.$metadata.fw.$lastUpdated", "properties.desired.$metadata.fw.$lastUpdated"},
      {"properties.reported.$version", "properties.reported.$version"},
      {"configurations.[[fw-1.0 beta]].status", "configurations.fw-1.0 beta.status"},
      {"configurations.[[a]].status", "configurations.a.status"},
      {"[[tags]].[[a b]]", "tags.a b"},
      {"tags.[[group]].region", "tags.group.region"},
      {"tags.[[select]]", "tags.select"},
      {"tags.a_b1", "tags.a_b1"},
      {"tags._a", "tags._a"},
      {"tags.my-tag", "tags.my-tag"},
      {"tags.caf\u00e9", "tags.caf\u00e9"},
      {"tags.list[0]", "tags.list[0]"},
      {"tags.list[2].x[1][0]", "tags.list[2].x[1][0]"},
      // Prefixes.
      {"devices.deviceId", "deviceId"},
      {"devices.tags.a", "tags.a"},
      {"Devices.Modules.moduleId", "moduleId"},
      {"devices.modules.properties.reported.a", "properties.reported.a"},
      {"devices.jobs.jobId", "jobId"},
      {"devices.jobs.createdTimeUtc", "createdDateTimeUtc"},  // the documentation's spelling
      {"devices", "devices"},
      {"devices.modules", "modules"},
      // Root names in any case are the twin's; below them the twin's own names stand as written.
      {"DeviceId", "deviceId"},
      {"DEVICEID", "deviceId"},
      {"deviceid", "deviceId"},
      {"moduleid", "moduleId"},
      {"ETag", "etag"},
      {"deviceetag", "deviceEtag"},
      {"Status", "status"},
      {"StatusReason", "statusReason"},
      {"STATUSUPDATETIME", "statusUpdateTime"},
      {"ConnectionState", "connectionState"},
      {"LastActivityTime", "lastActivityTime"},
      {"CloudToDeviceMessageCount", "cloudToDeviceMessageCount"},
      {"AuthenticationType", "authenticationType"},
      {"X509Thumbprint.primaryThumbprint", "x509Thumbprint.primaryThumbprint"},
      {"ModelId", "modelId"},
      {"Version", "version"},
      {"Tags.Building", "tags.Building"},
      {"TAGS.building", "tags.building"},
      {"Properties.Reported.Temp", "properties.reported.Temp"},
      {"PROPERTIES.DESIRED.temp", "properties.desired.temp"},
      {"Capabilities.iotEdge", "capabilities.iotEdge"},
      {"Configurations.[[A]].status", "configurations.A.status"},
      {"deviceSCOPE", "deviceScope"},
      {"parentscopes", "parentScopes"},
      {"JobId", "jobId"},
      {"jobtype", "jobType"},
      {"StartTimeUtc", "startTimeUtc"},
      {"EndTimeUtc", "endTimeUtc"},
      {"LastUpdatedDateTimeUtc", "lastUpdatedDateTimeUtc"},
      {"property.reported.a", "property.reported.a"},
  };
  for (const Case& row : kRows) {
    CAPTURE(row.text);
    CHECK(tree_of(row.text) == row.expected);
  }
}

TEST_CASE("every reserved word needs [[ ]] in a path") {
  for (const std::string word : {"select", "FROM", "where", "Group", "by", "as", "TOP", "and", "or", "not", "in", "nin",
                                 "true", "false", "null", "undefined"}) {
    CAPTURE(word);
    const auto bare = parse_condition("tags." + word + " = 1");
    REQUIRE_FALSE(bare);
    CHECK(bare.error().reason.find("position 5") != std::string::npos);
    CHECK(parse_condition("tags.[[" + word + "]] = 1"));
  }
}

TEST_CASE("the parts of a query are read") {
  struct Part {
    std::string_view text;
    Source source;
    std::int64_t top;  // 0: none
    const char* items;
    const char* where;  // "": none
    const char* group_by;
  };
  static constexpr auto kDevices = Source::devices;
  static const Part kRows[] = {
      {"SELECT * FROM devices", kDevices, 0, "*", "", ""},
      {"select * from devices", kDevices, 0, "*", "", ""},
      {"Select*From Devices", kDevices, 0, "*", "", ""},
      {"SELECT * FROM devices.modules", Source::modules, 0, "*", "", ""},
      {"SELECT * FROM DEVICES . MODULES", Source::modules, 0, "*", "", ""},
      {"SELECT * FROM devices.jobs", Source::jobs, 0, "*", "", ""},
      {"SELECT TOP 5 * FROM devices", kDevices, 5, "*", "", ""},
      {"select top 0x10 deviceId from devices", kDevices, 16, "deviceId: deviceId", "", ""},
      {"SELECT * FROM devices WHERE true", kDevices, 0, "*", "true", ""},
      {"SELECT deviceId FROM devices", kDevices, 0, "deviceId: deviceId", "", ""},
      {"SELECT DeviceID, LASTACTIVITYTIME FROM devices", kDevices, 0,
       "deviceId: deviceId, lastActivityTime: lastActivityTime", "", ""},
      {"SELECT devices.deviceId FROM devices", kDevices, 0, "deviceId: deviceId", "", ""},
      {"SELECT tags.a.b FROM devices", kDevices, 0, "b: tags.a.b", "", ""},
      {"SELECT tags.list[1] FROM devices", kDevices, 0, "list: tags.list[1]", "", ""},
      {"SELECT tags.a AS x FROM devices", kDevices, 0, "x: tags.a", "", ""},
      {"SELECT tags.a as x, tags.b y FROM devices", kDevices, 0, "x: tags.a, y: tags.b", "", ""},
      {"SELECT tags.a AS [[from where]] FROM devices", kDevices, 0, "from where: tags.a", "", ""},
      {"SELECT tags.a [[b c]] FROM devices", kDevices, 0, "b c: tags.a", "", ""},
      {"SELECT properties.reported.$version AS v FROM devices", kDevices, 0, "v: properties.reported.$version", "", ""},
      {"SELECT COUNT() AS n FROM devices", kDevices, 0, "n: COUNT()", "", ""},
      {"SELECT count() FROM devices", kDevices, 0, "$1: COUNT()", "", ""},
      {"SELECT COUNT(*) FROM devices", kDevices, 0, "$1: COUNT()", "", ""},
      {"SELECT COUNT(tags.a) AS n FROM devices", kDevices, 0, "n: COUNT(tags.a)", "", ""},
      {"SELECT COUNT() n, AVG(tags.a) FROM devices", kDevices, 0, "n: COUNT(), $1: AVG(tags.a)", "", ""},
      {"SELECT avg(tags.a), sum(tags.b), min(tags.c), max(tags.d) FROM devices", kDevices, 0,
       "$1: AVG(tags.a), $2: SUM(tags.b), $3: MIN(tags.c), $4: MAX(tags.d)", "", ""},
      {"SELECT tags.a, COUNT() AS n FROM devices GROUP BY tags.a", kDevices, 0, "a: tags.a, n: COUNT()", "", "tags.a"},
      {"SELECT COUNT() AS n, tags.a x FROM devices WHERE tags.b = 1 group by tags.a", kDevices, 0,
       "n: COUNT(), x: tags.a", "(= tags.b 1)", "tags.a"},
      {"SELECT tags.a, tags.b FROM devices GROUP BY tags.a, Tags.b", kDevices, 0, "a: tags.a, b: tags.b", "",
       "tags.a, tags.b"},
      {"SELECT COUNT() FROM devices.modules GROUP BY devices.modules.moduleId", Source::modules, 0, "$1: COUNT()", "",
       "moduleId"},
      {"SELECT STATUS, COUNT() c FROM devices GROUP BY status", kDevices, 0, "status: status, c: COUNT()", "",
       "status"},
      {"/* a */SELECT/**/*/* b */FROM devices/* c */WHERE/* d */tags.a/* e */", kDevices, 0, "*", "tags.a", ""},
  };
  for (const Part& row : kRows) {
    CAPTURE(row.text);
    const Result<Query> query = parse_query(row.text);
    REQUIRE(query);
    CHECK(query->source == row.source);
    CHECK(query->top.value_or(0) == row.top);
    CHECK(items(*query) == row.items);
    CHECK((query->where ? tree(*query->where) : "") == row.where);
    CHECK(join(query->group_by) == row.group_by);
  }
}

/// The shapes of query in Microsoft's IoT Hub articles (query language, twin and job queries, automatic device
/// management, IoT Edge deployments) and those that its tools and SDK samples send.
TEST_CASE("what a user of the service writes is understood") {
  for (const std::string_view text : {
           "SELECT * FROM devices\nWHERE tags.site.country = 'NL'",
           "SELECT * FROM devices WHERE tags.site.country = 'NL'\n  AND properties.reported.send.everySeconds >= 60",
           "SELECT * FROM devices WHERE properties.reported.link IN ['wired', 'wifi']",
           "SELECT * FROM devices WHERE is_defined(properties.reported.link)",
           "SELECT properties.reported.fw.status AS status,\n COUNT() AS devicesSeen\n FROM devices\n"
           " GROUP BY properties.reported.fw.status",
           "SELECT COUNT() as total FROM devices",
           "SELECT DeviceId, LastActivityTime FROM devices WHERE status = 'enabled' AND connectionState = "
           "'Disconnected'",
           "SELECT LastActivityTime FROM devices WHERE status = 'enabled'",
           "SELECT * FROM devices.modules",
           "SELECT * FROM devices.modules WHERE properties.reported.state = 'scanning' AND deviceId IN ['a', 'b']",
           "SELECT * FROM devices.jobs WHERE devices.jobs.deviceId = 'a'",
           "SELECT * FROM devices.jobs WHERE devices.jobs.deviceId = 'a' AND devices.jobs.jobType = "
           "'scheduleUpdateTwin' AND devices.jobs.status = 'completed' AND devices.jobs.createdTimeUtc > '2024-09-01'",
           "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j'",
           "select deviceId from devices where configurations.[[fw-12]].status='Applied'",
           "SELECT deviceId FROM devices WHERE configurations.[[fw-12]].status = 'Applied' AND "
           "properties.reported.fw.state='Done'",
           "select deviceId from devices.modules where moduleId = '$edgeAgent' and "
           "configurations.[[d1]].status = 'Applied' and properties.desired.$version = "
           "properties.reported.lastDesiredVersion and properties.reported.lastDesiredStatus.code = 200",
           "SELECT deviceId FROM devices.modules WHERE moduleId = '$edgeAgent' AND configurations.[[d1]].status = "
           "'Targeted' AND (properties.desired.$version != properties.reported.lastDesiredVersion OR "
           "properties.reported.lastDesiredStatus.code != 200)",
           "select * from devices where capabilities.iotEdge = true",
           "SELECT * FROM devices.modules WHERE devices.deviceId = 'd' AND devices.moduleId = '$edgeHub'",
           "select deviceId from devices where array_contains(parentScopes, 'ms-azure-iot-edge://e-1')",
           "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'floor-')",
           "SELECT TOP 100 * FROM devices WHERE lastActivityTime < '2024-01-01T00:00:00Z'",
           "SELECT * FROM devices WHERE properties.reported.$metadata.$lastUpdated < '2024-01-01T00:00:00.0Z'",
           "SELECT * FROM devices WHERE NOT is_defined(tags.site) OR tags.site.floor <> 3",
           "SELECT properties.reported.air AS data FROM devices WHERE deviceId='10'",
           "SELECT tags.type, AVG(properties.reported.t) AS mean, MAX(properties.reported.t) AS top1 FROM devices "
           "GROUP BY tags.type",
       }) {
    CAPTURE(text);
    CHECK(parse_query(text));
  }
  for (const std::string_view text :
       {"tags.environment='test'", "properties.reported.model.name='4000x'", "deviceId IN ['a', 'b']",
        "tags.building=9 and tags.environment='test'", "deviceId='d' and moduleId = 'm'", "tags.pool = \"blue\""}) {
    CAPTURE(text);
    CHECK(parse_condition(text));
  }
}

TEST_CASE("a wrong query is refused with 400004 and the reason says where and what was expected") {
  struct Wrong {
    std::string_view text;
    std::size_t position;
    const char* expected;
  };
  static constexpr Wrong kRows[] = {
      {"", 0, "SELECT"},
      {"   ", 3, "SELECT"},
      {"UPDATE devices", 0, "SELECT"},
      {"SELECT", 6, "a name"},
      {"SELECT FROM devices", 7, "a name"},
      {"SELECT *", 8, "FROM"},
      {"SELECT *, deviceId FROM devices", 10, "FROM"},
      {"SELECT deviceId, * FROM devices", 17, "a name"},
      {"SELECT deviceId, FROM devices", 17, "a name"},
      {"SELECT * FROM", 13, "devices"},
      {"SELECT * FROM c", 14, "devices"},
      {"SELECT * FROM devices.twins", 22, "devices.modules or devices.jobs"},
      {"SELECT * FROM devices.", 22, "devices.modules or devices.jobs"},
      {"SELECT * FROM devices d", 22, "the end of the query"},
      {"SELECT * FROM devices WHERE", 27, "a value"},
      {"SELECT * FROM devices WHERE tags.a = 1 tags.b = 2", 39, "the end of the query"},
      {"SELECT * FROM devices ORDER BY deviceId", 22, "the end of the query"},
      {"SELECT * FROM devices;", 21, "a query's character"},
      {"SELECT * FROM devices JOIN tags", 22, "the end of the query"},
      {"SELECT DISTINCT deviceId FROM devices", 7, "no DISTINCT"},
      {"SELECT value deviceId FROM devices", 7, "no VALUE"},
      {"SELECT TOP * FROM devices", 11, "a whole number"},
      {"SELECT TOP 0 * FROM devices", 11, "a whole number"},
      {"SELECT TOP -1 * FROM devices", 11, "a whole number"},
      {"SELECT TOP 1.5 * FROM devices", 11, "a whole number"},
      {"SELECT tags.a AS FROM devices", 17, "an alias"},
      {"SELECT tags.a AS 'x' FROM devices", 17, "an alias"},
      {"SELECT tags. FROM devices", 13, "a name"},
      {"SELECT tags.group FROM devices", 12, "[[group]]"},
      {"SELECT AVG() FROM devices", 11, "a path"},
      {"SELECT SUM(*) FROM devices", 12, "a path"},
      {"SELECT COUNT( FROM devices", 14, "a name"},
      {"SELECT COUNT FROM devices GROUP BY", 34, "a name"},
      {"SELECT LENGTH(tags.a) FROM devices", 7, "COUNT, AVG"},
      {"SELECT 1 FROM devices", 7, "a name"},
      {"SELECT tags.a + 1 FROM devices", 14, "FROM"},
      {"SELECT * FROM devices GROUP BY tags.a", 37, "instead of *"},
      {"SELECT tags.a, COUNT() FROM devices", 35, "'tags.a' in GROUP BY"},
      {"SELECT tags.b, COUNT() FROM devices GROUP BY tags.a", 51, "'tags.b' in GROUP BY"},
      {"SELECT COUNT() FROM devices GROUP BY tags.a WHERE true", 44, "the end of the query"},
      {"SELECT deviceId FROM devices.jobs", 33, "no projections"},
      {"SELECT COUNT() AS n FROM devices.jobs", 37, "no projections"},
  };
  for (const Wrong& row : kRows) {
    CAPTURE(row.text);
    const Result<Query> query = parse_query(row.text);
    REQUIRE_FALSE(query);
    CHECK(query.error().code == ErrorCode::ArgumentInvalid);
    CAPTURE(query.error().reason);
    CHECK(query.error().reason.find("position " + std::to_string(row.position) + ":") != std::string::npos);
    CHECK(query.error().reason.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("a wrong condition is refused with the place and what was expected there") {
  struct Wrong {
    std::string_view text;
    std::size_t position;
    const char* expected;
  };
  static constexpr Wrong kRows[] = {
      {"", 0, "a value"},
      {"tags.a =", 8, "a value"},
      {"= 1", 0, "a value"},
      {"tags.a == 1", 8, "a value"},
      {"tags.a = = 1", 9, "a value"},
      {"tags.a = 1 = 1", 11, "the end"},
      {"tags.a 1", 7, "the end"},
      {"tags.a AND", 10, "a value"},
      {"OR tags.a", 0, "a name"},
      {"NOT", 3, "a value"},
      {"(tags.a", 7, "')'"},
      {"tags.a)", 6, "the end"},
      {"()", 1, "a value"},
      {"tags.a ! 1", 7, "a query's character"},
      {"tags.a & tags.b", 7, "a query's character"},
      {"tags.a = #1", 9, "a query's character"},
      {"tags.a = 'x", 9, "the end of the string"},
      {"tags.a = 'x\\'", 9, "the end of the string"},
      {"tags.a = \"x'", 9, "the end of the string"},
      {"tags.a = '\\", 11, "an escape"},
      {R"(tags.a = '\q')", 11, "an escape"},
      {R"(tags.a = '\u12')", 12, "four hex digits"},
      {R"(tags.a = '\u12g4')", 12, "four hex digits"},
      {R"(tags.a = '\u)", 12, "four hex digits"},
      {R"(tags.a = '\ud800x')", 16, "surrogate"},
      {R"(tags.a = '\ud800\u0041')", 22, "surrogate"},
      {R"(tags.a = '\udc00')", 16, "surrogate"},
      {"tags.a = 0x", 9, "hex digits"},
      {"tags.a = 0xg", 9, "hex digits"},
      {"tags.a = 0x11223344556677889", 9, "hex digits"},
      {"tags.a = 12abc", 11, "the end of the number"},
      {"tags.a = 1e", 10, "the end of the number"},
      {"tags.a = 1e999", 9, "a number"},
      {"tags.a = 1.2.3", 12, "the end"},
      {"tags.1a = 1", 6, "the end of the number"},
      {"/* open", 0, "the end of the comment"},
      {"tags.a /* open = 1", 7, "the end of the comment"},
      {"tags.[[a = 1", 5, "]]"},
      {"tags.[[]] = 1", 7, "a name"},
      {"tags.list[x] = 1", 10, "an index"},
      {"tags.list[-1] = 1", 10, "an index"},
      {"tags.list[1.5] = 1", 10, "an index"},
      {"tags.list[1 = 1", 12, "']'"},
      {"tags['a'] = 1", 5, "an index"},
      {"tags..a = 1", 5, "a name"},
      {".tags = 1", 0, "a value"},
      {"tags.a IN", 9, "["},
      {"tags.a IN 'x'", 10, "["},
      {"tags.a IN [1", 12, "']'"},
      {"tags.a IN [1)", 12, "']'"},
      {"tags.a IN (1]", 12, "')'"},
      {"tags.a IN [1,]", 13, "a constant"},
      {"tags.a IN [tags.b]", 11, "a constant"},
      {"tags.a IN [-'x']", 12, "a constant"},
      {"tags.a NOT IN [1]", 7, "the end"},
      {"tags.a LIKE 'x'", 7, "the end"},
      {"tags.a IS NULL", 7, "the end"},
      {"tags.a BETWEEN 1 AND 2", 7, "the end"},
      {"nothing(tags.a)", 0, "a function"},
      {"count()", 0, "a function"},
      {"is_defined()", 0, "arguments to IS_DEFINED"},
      {"is_defined(tags.a, tags.b)", 0, "arguments to IS_DEFINED"},
      {"true AND array_contains(tags.a)", 9, "arguments to ARRAY_CONTAINS"},
      {"substring('a')", 0, "arguments to SUBSTRING"},
      {"substring('a', 1, 2, 3)", 0, "arguments to SUBSTRING"},
      {"concat('a')", 0, "arguments to CONCAT"},
      {"is_defined(tags.a", 17, "')'"},
      {"is_defined(,)", 11, "a value"},
      {"'a' 'b'", 4, "the end"},
  };
  for (const Wrong& row : kRows) {
    CAPTURE(row.text);
    const Result<ExpressionPtr> condition = parse_condition(row.text);
    REQUIRE_FALSE(condition);
    CHECK(condition.error().code == ErrorCode::ArgumentInvalid);
    CHECK(condition.error().message.find("position") == std::string::npos);  // the client reads BadRequest only
    CAPTURE(condition.error().reason);
    CHECK(condition.error().reason.find("position " + std::to_string(row.position) + ":") != std::string::npos);
    CHECK(condition.error().reason.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("no prefix of a query and no doubled byte in it does harm") {
  const std::string query =
      R"(SELECT TOP 5 tags.a AS [[x y]], COUNT() FROM devices WHERE NOT is_defined(tags.b[1]) AND tags.c )"
      R"(IN ['\u0041', -0x1F, 1.5e3] /* c */ GROUP BY tags.a)";
  REQUIRE(parse_query(query));
  int accepted = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    for (const std::string& text : {query.substr(0, i), query.substr(i), query.substr(0, i) + query.substr(i + 1),
                                    query.substr(0, i + 1) + query.substr(i), query.substr(0, i) + '\0' + query}) {
      const Result<Query> parsed = parse_query(text);
      accepted += parsed ? 1 : 0;
      if (!parsed) CHECK(parsed.error().code == ErrorCode::ArgumentInvalid);
    }
  }
  CHECK(accepted > 10);  // a lost or doubled blank changes nothing
}

TEST_CASE("a query may have 8192 characters and not one more") {
  const std::string start = "SELECT * FROM devices WHERE tags.a = '";
  const auto of_length = [&](std::size_t length, const std::string& filler) {
    std::string text = start;
    for (std::size_t used = start.size() + 1; used < length; ++used) text += filler;
    return text + "'";
  };
  CHECK(parse_query(of_length(kMaxQueryLength, "x")));
  CHECK(parse_query(of_length(kMaxQueryLength, "\u20ac")));  // characters, not bytes
  for (const char* filler : {"x", "\u20ac"}) {
    const auto refused = parse_query(of_length(kMaxQueryLength + 1, filler));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::ArgumentInvalid);
    CHECK(refused.error().reason.find("8192") != std::string::npos);
  }
  CHECK_FALSE(parse_condition(std::string(kMaxQueryLength + 1, ' ') + "true"));
}

TEST_CASE("an expression that nests without bound is refused, a long flat one is not") {
  const auto repeat = [](const std::string& part, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += part;
    return out;
  };
  CHECK(parse_condition(repeat("(", 40) + "true" + repeat(")", 40)));
  CHECK(parse_condition(repeat("NOT ", 90) + "true"));
  CHECK(parse_condition("1" + repeat(" + 1", 90)));
  CHECK(parse_condition("tags.a = 0" + repeat(" OR tags.a = 1", 500)));
  CHECK(parse_condition("tags.a = 0" + repeat(" AND tags.a = 1", 500)));
  CHECK(parse_condition("tags.a IN [0" + repeat(", 1", 2000) + "]"));
  for (const std::string& text :
       {repeat("(", 4000), repeat("(", 4000) + "true" + repeat(")", 4000), repeat("NOT ", 2000) + "true",
        repeat("-", 4000) + "1", repeat("+", 4000) + "1", "1" + repeat("+1", 4000), "1" + repeat("*1", 4000),
        repeat("lower(", 1000) + "'a'" + repeat(")", 1000)}) {
    CAPTURE(text.substr(0, 20));
    const auto refused = parse_condition(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason.find("nests less") != std::string::npos);
  }
}
