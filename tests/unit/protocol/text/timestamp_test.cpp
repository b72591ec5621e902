#include "protocol/text/timestamp.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using iothub::Timestamp;
using namespace iothub::text;

namespace {

constexpr std::int64_t kPerDay = 86'400 * Timestamp::kPerSecond;
constexpr Timestamp kLastTick{3'155'378'975'999'999'999};  // .NET's DateTime.MaxValue

struct Row {
  std::int64_t ticks;
  std::string_view text;
};
constexpr auto kRows = std::to_array<Row>({
    {0, "0001-01-01T00:00:00Z"},
    {1, "0001-01-01T00:00:00.0000001Z"},
    {59 * kPerDay, "0001-03-01T00:00:00Z"},
    {Timestamp::kUnixEpoch - 1, "1969-12-31T23:59:59.9999999Z"},
    {Timestamp::kUnixEpoch, "1970-01-01T00:00:00Z"},
    {Timestamp::kUnixEpoch + 951'782'400 * Timestamp::kPerSecond, "2000-02-29T00:00:00Z"},
    {Timestamp::kUnixEpoch + 1'625'690'724 * Timestamp::kPerSecond + 1'313'970, "2021-07-07T20:45:24.131397Z"},
    {Timestamp::kUnixEpoch + 1'625'690'724 * Timestamp::kPerSecond + 1'000'000, "2021-07-07T20:45:24.1Z"},
    {Timestamp::kUnixEpoch + 1'625'690'724 * Timestamp::kPerSecond + 10, "2021-07-07T20:45:24.000001Z"},
    {Timestamp::kUnixEpoch + 1'625'690'720 * Timestamp::kPerSecond, "2021-07-07T20:45:20Z"},
    {kLastTick.ticks, "9999-12-31T23:59:59.9999999Z"},
});

std::int64_t ticks_of(std::string_view text) {
  const auto time = parse_iso_time(text);
  REQUIRE(time);
  return time->ticks;
}

}  // namespace

TEST_CASE("times are written and read to the tick, trailing zeros dropped") {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const std::string_view text = row.text;
    const std::string_view without_zone = text.substr(0, text.size() - 1);
    CHECK(iso_time(Timestamp{row.ticks}) == text);
    CHECK(iso_time_without_zone(Timestamp{row.ticks}) == without_zone);
    CHECK(ticks_of(text) == row.ticks);
    CHECK(ticks_of(without_zone) == row.ticks);
  }
}

TEST_CASE("times from year 1 to 9999 come back") {
  constexpr std::int64_t kStride = 29 * kPerDay + 3'661 * Timestamp::kPerSecond + 1;  // days and times of every kind
  std::int64_t wrong = 0;
  for (std::int64_t ticks = 0; ticks <= kLastTick.ticks; ticks += kStride) {
    if (parse_iso_time(iso_time(Timestamp{ticks})) != Timestamp{ticks}) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("tracking ids carry month, day, year and the whole second") {
  CHECK(us_time(*parse_iso_time("2026-11-22T02:33:52.9999999Z")) == "11/22/2026 02:33:52");
  CHECK(us_time(Timestamp{}) == "01/01/0001 00:00:00");
}

TEST_CASE("Unix seconds and milliseconds count from 1970") {
  CHECK(iso_time(Timestamp::from_unix_seconds(1'625'690'724)) == "2021-07-07T20:45:24Z");
  CHECK(iso_time(Timestamp::from_unix_milliseconds(1'625'690'724'131)) == "2021-07-07T20:45:24.131Z");
  CHECK(Timestamp::from_unix_seconds(5).unix_seconds() == 5);
  CHECK(Timestamp::from_unix_milliseconds(5'999).unix_milliseconds() == 5'999);
  CHECK(Timestamp::from_unix_milliseconds(5'999).unix_seconds() == 5);
  CHECK(Timestamp::from_unix_seconds(5).plus_seconds(-2) == Timestamp::from_unix_seconds(3));
  CHECK(Timestamp::from_unix_seconds(5) < Timestamp::from_unix_milliseconds(5'001));
}

TEST_CASE("one to nine decimals are read, those below a tick are dropped") {
  const std::int64_t second = ticks_of("2021-07-07T20:45:24Z");
  CHECK(ticks_of("2021-07-07T20:45:24.5Z") == second + 5'000'000);
  CHECK(ticks_of("2021-07-07T20:45:24.05Z") == second + 500'000);
  CHECK(ticks_of("2021-07-07T20:45:24.1234567Z") == second + 1'234'567);
  CHECK(ticks_of("2021-07-07T20:45:24.12345678Z") == second + 1'234'567);
  CHECK(ticks_of("2021-07-07T20:45:24.123456789Z") == second + 1'234'567);
  CHECK(ticks_of("2021-07-07T20:45:24.0000000+00:00") == second);
}

TEST_CASE("an offset is taken off") {
  const std::int64_t noon = ticks_of("2021-03-01T12:00:00Z");
  for (const std::string_view text :
       {"2021-03-01T12:00:00", "2021-03-01t12:00:00z", "2021-03-01T12:00:00+00:00", "2021-03-01T12:00:00-00:00",
        "2021-03-01T14:00:00+02:00", "2021-03-01T14:00:00+0200", "2021-03-01T17:45:00+05:45",
        "2021-03-01T08:30:00-03:30", "2021-03-02T02:00:00+14:00", "2021-02-28T22:00:00-14:00"}) {
    CAPTURE(text);
    CHECK(ticks_of(text) == noon);
  }
}

TEST_CASE("times before year 1 or after 9999 by their offset are refused, as .NET cannot hold them") {
  CHECK(!parse_iso_time("0001-01-01T00:59:59+01:00"));
  CHECK(!parse_iso_time("0000-12-31T23:30:00-01:00"));
  CHECK(ticks_of("0001-01-01T01:00:00+01:00") == 0);
  CHECK(!parse_iso_time("9999-12-31T23:00:00-01:00"));
  CHECK(ticks_of("9999-12-31T22:59:59.9999999-01:00") == kLastTick.ticks);
}

TEST_CASE("what is not such a time is refused") {
  for (const std::string_view text : {
           "",
           "2021",
           "2021-07-07",
           "2021-07-07T20:45",
           "2021-07-07T20:45Z",
           "2021-07-07 20:45:24Z",
           "2021-07-07T20:45:24ZZ",
           "2021-07-07T20:45:24Z ",
           " 2021-07-07T20:45:24Z",
           "2021-7-07T20:45:24Z",
           "21-07-07T20:45:24Z",
           "+2021-07-07T20:45:24Z",
           "-021-07-07T20:45:24Z",
           "20210707T204524Z",
           "2021/07/07T20:45:24Z",
           "11/22/2026 02:33:52",
           "0000-01-01T00:00:00Z",
           "2021-00-07T20:45:24Z",
           "2021-13-07T20:45:24Z",
           "2021-07-00T20:45:24Z",
           "2021-07-32T20:45:24Z",
           "2021-02-29T20:45:24Z",
           "1900-02-29T20:45:24Z",
           "2021-07-07T24:00:00Z",
           "2021-07-07T20:60:24Z",
           "2021-07-07T20:45:60Z",
           "2021-07-07T20:45:24.Z",
           "2021-07-07T20:45:24.",
           "2021-07-07T20:45:24.1234567890Z",
           "2021-07-07T20:45:24,5Z",
           "2021-07-07T20:45:24+",
           "2021-07-07T20:45:24+2",
           "2021-07-07T20:45:24+02",
           "2021-07-07T20:45:24+02:",
           "2021-07-07T20:45:24+02:0",
           "2021-07-07T20:45:24+02:60",
           "2021-07-07T20:45:24+14:01",
           "2021-07-07T20:45:24-15:00",
           "2021-07-07T20:45:24+02:00Z",
           "2021-07-07T20:45:24Z+02:00",
           "tomorrow",
       }) {
    CAPTURE(text);
    CHECK(!parse_iso_time(text));
  }
}
