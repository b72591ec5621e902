#include "emulator/hub/routing/route_message.h"

#include <doctest/doctest.h>

#include <string>

#include "emulator/hub/query/parser.h"
#include "emulator/hub/twin.h"
#include "protocol/text/timestamp.h"

using namespace iothub;
using namespace iothub::hub;

namespace {

/// The documentation's example body, with a member of every type.
constexpr const char* kBody =
    R"({"Weather":{"Temperature":50,"Time":"2017-03-09T00:00:00.000Z","PrevTemperatures":[20,30,40],"IsEnabled":true,)"
    R"("Location":{"Street":"One Microsoft Way","City":"Redmond","State":"WA"},)"
    R"("HistoricalData":[{"Month":"Feb","Temperature":40},{"Month":"Jan","Temperature":30}],"Nothing":null,)"
    R"("Negative":-2.5,"Number":"12","Empty":""}})";

storage::EventRow message() {
  storage::EventRow event;
  event.enqueued_time = Timestamp::from_unix_seconds(1'795'314'832).ticks;
  event.device_id = "d1";
  event.source = "Telemetry";
  event.annotations = R"({"dt-subject":"thermostat1","dt-dataschema":"dtmi:com:example:Thermostat;1"})";
  event.system_properties =
      R"({"message-id":"m1","correlation-id":"c1","content-type":"application/json","content-encoding":"utf-8"})";
  event.properties =
      R"([["level","critical"],["Temp","75"],["messageId","mine"],["empty",""],["a.b","dots"],["own","o"]])";
  event.auth_method = R"({"scope":"device"})";
  event.auth_generation_id = "637";
  event.body = kBody;
  return event;
}

Twin twin() {
  Twin twin;
  twin.tags = Json::parse(R"({"floor":1,"place":{"city":"Bonn"},"list":[1,"two"]})");
  twin.desired.values = Json::parse(R"({"telemetryConfig":{"sendFrequency":"5m"}})");
  twin.desired.version = 4;
  twin.reported.values = Json::parse(R"({"battery":{"level":55},"on":false})");
  return twin;
}

const char* outcome(const std::string& condition, const storage::EventRow& event, const Twin* of) {
  const Result<query::ExpressionPtr> parsed = query::parse_condition(condition);
  if (!parsed) return "refused";
  const query::Value value = query::evaluate(**parsed, routing::RouteMessage(event, of));
  if (std::holds_alternative<query::Undefined>(value)) return "undefined";
  const bool* boolean = std::get_if<bool>(&value);
  return boolean == nullptr ? "no boolean" : *boolean ? "true" : "false";
}

struct Row {
  const char* condition;
  const char* outcome;
};

}  // namespace

TEST_CASE("conditions of routes over properties, body and twin of a message") {
  static constexpr Row kRows[] = {
      // constants
      {"true", "true"},
      {"false", "false"},
      {"TRUE", "true"},
      {"null", "no boolean"},
      {"undefined", "undefined"},
      {"1", "no boolean"},
      {"'true'", "no boolean"},
      {"", "refused"},
      {"level =", "refused"},
      {"(true", "refused"},
      {"SELECT * FROM devices", "refused"},
      {"NO_FUNCTION(1)", "refused"},
      // application properties: names in any case, values are strings
      {"level = 'critical'", "true"},
      {"level = \"critical\"", "true"},
      {"LEVEL = 'critical'", "true"},
      {"Level = 'Critical'", "false"},
      {"level != 'critical'", "false"},
      {"level <> 'low'", "true"},
      {"level > 'a'", "true"},
      {"level <= 'critical'", "true"},
      {"temp = '75'", "true"},
      {"temp = 75", "undefined"},
      {"temp > 70", "undefined"},
      {"as_number(temp) > 70", "true"},
      {"as_number(temp) = 75.0", "true"},
      {"as_number(level) > 70", "undefined"},
      {"as_number(temp) + 5 >= 80", "true"},
      {"as_number(temp) - 5 = 70", "true"},
      {"as_number(temp) * 2 = 150", "true"},
      {"as_number(temp) / 2 = 37.5", "true"},
      {"as_number(temp) % 10 = 5", "true"},
      {"as_number(temp) / 0 = 1", "undefined"},
      {"-as_number(temp) = -75", "true"},
      {"as_number(temp) = 0x4B", "true"},
      {"empty = ''", "true"},
      {"missing = 'x'", "undefined"},
      {"missing != 'x'", "undefined"},
      {"missing = missing", "undefined"},
      {"[[a.b]] = 'dots'", "true"},
      {"a.b = 'dots'", "true"},
      {"is_defined(level)", "true"},
      {"is_defined(missing)", "false"},
      {"is_string(temp)", "true"},
      {"is_number(temp)", "false"},
      // three values
      {"NOT level = 'critical'", "false"},
      {"NOT missing = 'x'", "undefined"},
      {"NOT (level = 'low')", "true"},
      {"level = 'critical' AND temp = '75'", "true"},
      {"level = 'critical' AND missing = 'x'", "undefined"},
      {"level = 'low' AND missing = 'x'", "false"},
      {"missing = 'x' AND level = 'low'", "false"},
      {"level = 'critical' OR missing = 'x'", "true"},
      {"missing = 'x' OR level = 'critical'", "true"},
      {"level = 'low' OR missing = 'x'", "undefined"},
      {"level = 'low' OR level = 'critical'", "true"},
      {"level = 'low' or level = 'critical' and temp = '75'", "true"},
      {"(level = 'critical' OR true) AND false", "false"},
      {"level = 'critical' OR true AND false", "true"},
      {"level AND true", "undefined"},
      {"level IN ['low', 'critical']", "true"},
      {"level IN ['low']", "false"},
      {"level NIN ['low']", "true"},
      {"missing IN ['low']", "undefined"},
      // system properties
      {"$contentType = 'application/json'", "true"},
      {"$CONTENTTYPE = 'application/json'", "true"},
      {"$contentEncoding = 'utf-8'", "true"},
      {"$messageId = 'm1'", "true"},
      {"messageId = 'mine'", "true"},
      {"$correlationId = 'c1'", "true"},
      {"$userId = 'u'", "undefined"},
      {"$connectionDeviceId = 'd1'", "true"},
      {"$connectionModuleId = 'm'", "undefined"},
      {"is_defined($connectionModuleId)", "false"},
      {"$connectionDeviceGenerationId = '637'", "true"},
      {"contains($connectionAuthMethod, 'device')", "true"},
      {"$enqueuedTime >= '2026-11-22T02:33:52'", "true"},
      {"$dt-subject = 'thermostat1'", "true"},
      {"$dt-dataschema = 'dtmi:com:example:Thermostat;1'", "true"},
      {"$iothub-message-source = 'Telemetry'", "true"},
      {"$own = 'o'", "true"},
      {"$missing = 'o'", "undefined"},
      // the body
      {"$body.Weather.Temperature = 50", "true"},
      {"$BODY.Weather.Temperature = 50", "true"},
      {"$body.weather.temperature = 50", "undefined"},
      {"$body.Weather.Temperature = '50'", "undefined"},
      {"$body.Weather.Temperature >= 50.0", "true"},
      {"$body.Weather.HistoricalData[0].Month = 'Feb'", "true"},
      {"$body.Weather.HistoricalData[1].Temperature < 40", "true"},
      {"$body.Weather.HistoricalData[2].Month = 'Feb'", "undefined"},
      {"$body.Weather.PrevTemperatures[0] = 20", "true"},
      {"$body.Weather.PrevTemperatures[0] - 5 = 15", "true"},
      {"$body.Weather.IsEnabled", "true"},
      {"$body.Weather.IsEnabled = true", "true"},
      {"NOT $body.Weather.IsEnabled", "false"},
      {"$body.Weather.Location.State = 'WA'", "true"},
      {"length($body.Weather.Location.State) = 2", "true"},
      {"lower($body.Weather.Location.State) = 'wa'", "true"},
      {"upper($body.Weather.Location.City) = 'REDMOND'", "true"},
      {"$body.Weather.Nothing = null", "true"},
      {"is_null($body.Weather.Nothing)", "true"},
      {"is_null($body.Weather.Missing)", "false"},
      {"is_defined($body.Weather.Nothing)", "true"},
      {"is_array($body.Weather.PrevTemperatures)", "true"},
      {"is_object($body.Weather)", "true"},
      {"is_object($body.Weather.Temperature)", "false"},
      {"is_bool($body.Weather.IsEnabled)", "true"},
      {"is_number($body.Weather.Temperature)", "true"},
      {"is_primitive($body.Weather.Nothing)", "true"},
      {"is_primitive($body.Weather)", "false"},
      {"is_string($body.Weather.Time)", "true"},
      {"$body.Weather = $body.Weather", "undefined"},
      {"abs($body.Weather.Negative) = 2.5", "true"},
      {"ceiling($body.Weather.Negative) = -2", "true"},
      {"floor($body.Weather.Negative) = -3", "true"},
      {"sign($body.Weather.Negative) = -1", "true"},
      {"sqrt($body.Weather.Negative) = 1", "undefined"},
      {"square($body.Weather.Temperature) = 2500", "true"},
      {"power($body.Weather.Temperature, 2) = 2500", "true"},
      {"exp(0) = 1", "true"},
      {"as_number($body.Weather.Number) = 12", "true"},
      {"as_number($body.Weather.Empty) = 0", "undefined"},
      {"abs('x') = 1", "undefined"},
      {"concat($body.Weather.Location.City, '-', $body.Weather.Location.State) = 'Redmond-WA'", "true"},
      {"concat('a', 1) = 'a1'", "undefined"},
      {"substring($body.Weather.Location.Street, 4) = 'Microsoft Way'", "true"},
      {"substring($body.Weather.Location.Street, 4, 9) = 'Microsoft'", "true"},
      {"index_of($body.Weather.Location.Street, 'Way') = 14", "true"},
      {"index_of($body.Weather.Location.Street, 'x') = -1", "true"},
      {"starts_with($body.Weather.Location.City, 'Red')", "true"},
      {"ends_with($body.Weather.Location.City, 'mond')", "true"},
      {"contains($body.Weather.Location.City, 'dmo')", "true"},
      {"contains($body.Weather.Location.City, 'DMO')", "false"},
      {"starts_with($body.Weather.Temperature, '5')", "undefined"},
      {"length('a', 'b') = 1", "refused"},
      // the twin
      {"$twin.tags.floor = 1", "true"},
      {"$twin.tags.place.city = 'Bonn'", "true"},
      {"$twin.tags.list[1] = 'two'", "true"},
      {"$twin.tags.missing = 1", "undefined"},
      {"$twin.properties.desired.telemetryConfig.sendFrequency = '5m'", "true"},
      {"$twin.properties.reported.battery.level > 50", "true"},
      {"$twin.properties.reported.on = false", "true"},
      {"$twin.properties.desired.$version = 4", "true"},
      {"$twin.deviceId = 'd1'", "undefined"},
      {"$twin.tags.floor = 1 AND $body.Weather.Temperature = 50 AND level = 'critical'", "true"},
  };
  static_assert(std::size(kRows) >= 120);
  const storage::EventRow event = message();
  const Twin of = twin();
  for (const Row& row : kRows) {
    CAPTURE(row.condition);
    CHECK(std::string(outcome(row.condition, event, &of)) == row.outcome);
  }
}

TEST_CASE("a body is only looked into when its content type is JSON in UTF-8, UTF-16 or UTF-32") {
  struct Body {
    const char* system_properties;
    std::string bytes;
    const char* outcome;
  };
  using namespace std::string_literals;
  const Body bodies[] = {
      {R"({"content-type":"application/json","content-encoding":"utf-8"})", R"({"a":1})", "true"},
      {R"({"content-type":"application/json","content-encoding":"UTF-8"})", R"({"a":1})", "true"},
      {R"({"content-type":"application/json;charset=utf-8","content-encoding":"utf-8"})", R"({"a":1})", "true"},
      {R"({"content-type":"application/json; charset=utf-8"})", R"({"a":1})", "true"},
      {R"({"content-type":"application/json"})", R"({"a":1})", "undefined"},
      {R"({"content-encoding":"utf-8"})", R"({"a":1})", "undefined"},
      {R"({"content-type":"text/plain","content-encoding":"utf-8"})", R"({"a":1})", "undefined"},
      {R"({"content-type":"application/json","content-encoding":"ascii"})", R"({"a":1})", "undefined"},
      {R"({"content-type":"application/json","content-encoding":"utf-8"})", R"({"a":)", "undefined"},
      {R"({"content-type":"application/json","content-encoding":"utf-16"})", "{\0\"\0a\0\"\0:\0001\0}\0"s, "true"},
      {R"({"content-type":"application/json","content-encoding":"utf-16"})", "\xFE\xFF\0{\0\"\0a\0\"\0:\0001\0}"s,
       "true"},
      {R"({"content-type":"application/json","content-encoding":"utf-16"})", "{\0\""s, "undefined"},
      {R"({"content-type":"application/json","content-encoding":"utf-32"})",
       "\xFF\xFE\0\0{\0\0\0\"\0\0\0a\0\0\0\"\0\0\0:\0\0\0001\0\0\0}\0\0\0"s, "true"},
      {"", R"({"a":1})", "undefined"},
  };
  for (const Body& body : bodies) {
    CAPTURE(body.system_properties);
    CAPTURE(body.bytes.size());
    storage::EventRow event = message();
    event.system_properties = body.system_properties;
    event.body = body.bytes;
    CHECK(std::string(outcome("$body.a = 1", event, nullptr)) == body.outcome);
  }
}

TEST_CASE("a sender without twin has no twin paths") {
  CHECK(std::string(outcome("$twin.tags.floor = 1", message(), nullptr)) == "undefined");
}
