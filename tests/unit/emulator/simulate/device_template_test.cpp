#include "emulator/simulate/device_template.h"

#include <doctest/doctest.h>

#include <cmath>

#include "emulator/simulate/pattern.h"

using namespace iothub;

namespace {

std::string refusal(std::string_view text) {
  const auto parsed = simulate::parse_template(text, "t.yaml");
  return parsed ? "read" : parsed.error().text();
}

}  // namespace

TEST_CASE("a template says what devices send, report and answer") {
  const auto does = simulate::parse_template(
                        "telemetry: {body: {n: {$counter: {}}}, properties: {level: high}}\n"
                        "reported: {every: 30, values: {up: true}}\n"
                        "methods: {reboot: {status: 202, delay: 0.5}}\n"
                        "offline: {every: 60}\n",
                        "t.yaml")
                        .value();
  CHECK(does.methods.at("reboot").status == 202);
  CHECK(does.methods.at("reboot").delay.count() == 0.5);
  CHECK(does.reported_every.count() == 30);
  CHECK(does.offline_for.count() == 5);
}

TEST_CASE("a template that is refused says where it is wrong") {
  CHECK(refusal("telemtry: {}") ==
        "t.yaml:1:1: /telemtry: there is no member 'telemtry': the nearest one is 'telemetry'");
  CHECK(refusal("telemetry: {body: {a: {$wlak: {}}}}") ==
        "t.yaml:1:24: /telemetry/body/a/$wlak: there is no generator '$wlak': the nearest one is '$walk'");
  CHECK(refusal("telemetry: {body: [{$walk: {stop: 1}}]}") ==
        "t.yaml:1:29: /telemetry/body/0/$walk/stop: there is no argument 'stop': the nearest one is 'step'");
  CHECK(refusal("telemetry: {body: {$choice: []}}") ==
        "t.yaml:1:20: /telemetry/body/$choice: it takes an array of one value or more");
  CHECK(refusal("methods: {m: {status: x}}").starts_with("t.yaml:1:15: /methods/m/status: it has to be a number"));
  CHECK(refusal("[]").starts_with("t.yaml:1:1: it has to be an object"));
}

TEST_CASE("generators keep their state, each place of a pattern and each device its own") {
  const hub::Json pattern = hub::Json::parse(
      R"({"n":{"$counter":{"start":5,"step":2}},"m":[{"$counter":{}}],"id":{"$device":"id"},"t":{"$time":"unix"},"x":1})");
  REQUIRE_FALSE(simulate::check_pattern(pattern).has_value());
  simulate::Generators first("d1", 1), second("d2", 2);
  CHECK(hub::dump(first.next(pattern, "body", 7.9)) == R"({"n":5,"m":[0],"id":"d1","t":7,"x":1})");
  CHECK(hub::dump(first.next(pattern, "body", 8)) == R"({"n":7,"m":[1],"id":"d1","t":8,"x":1})");
  CHECK(hub::dump(second.next(pattern, "body", 8)) == R"({"n":5,"m":[0],"id":"d2","t":8,"x":1})");
  CHECK(hub::dump(first.next({{"$time", "iso"}}, "t", 0)) == "\"1970-01-01T00:00:00Z\"");
}

TEST_CASE("a walk stays between its bounds and takes no longer steps than it may") {
  const hub::Json pattern = hub::Json::parse(R"({"$walk":{"start":20,"step":0.5,"min":19.5,"max":20.5}})");
  simulate::Generators generators("d", 3);
  double last = 20;
  for (int i = 0; i < 200; ++i) {
    const double value = generators.next(pattern, "w", 0).get<double>();
    CHECK(value >= 19.5);
    CHECK(value <= 20.5);
    CHECK(std::abs(value - last) <= 0.5);
    last = value;
  }
}
