#include "protocol/text/nearest_name.h"

#include <doctest/doctest.h>

using iothub::text::nearest_name;

TEST_CASE("the nearest name is the one with the fewest edits") {
  constexpr std::string_view kNames[] = {"https-port", "mqtts-port", "data", "ca-dir"};
  CHECK(nearest_name("http-port", kNames) == "https-port");
  CHECK(nearest_name("mqttport", kNames) == "mqtts-port");
  CHECK(nearest_name("dat", kNames) == "data");
  CHECK(nearest_name("cadir", kNames) == "ca-dir");
  CHECK(nearest_name("data", kNames) == "data");
}
