#include "emulator/scenario/expectation.h"

#include <doctest/doctest.h>

using namespace iothub;
using hub::Json;
using scenario::Expectation;
using scenario::Verdict;

namespace {

std::vector<Json> beats(std::initializer_list<int> numbers) {
  std::vector<Json> came;
  for (const int number : numbers) came.push_back({{"device", "d1"}, {"body", {{"beat", number}}}});
  return came;
}

Json beat(int number) {
  return {{"body", {{"beat", number}}}};
}

}  // namespace

TEST_CASE("at least so many: others may come") {
  Expectation expected{"messages", beat(1), {}, {}, 2};
  CHECK(verdict(expected, beats({1, 2})) == Verdict::pending);
  CHECK(verdict(expected, beats({1, 2, 1, 1})) == Verdict::met);
}

TEST_CASE("exactly so many: one more cannot be mended") {
  Expectation expected{"messages", beat(1), {}, 2, 1};
  CHECK(verdict(expected, beats({1})) == Verdict::pending);
  CHECK(verdict(expected, beats({1, 3, 1})) == Verdict::met);
  CHECK(verdict(expected, beats({1, 1, 1})) == Verdict::impossible);
}

TEST_CASE("a sequence is met in its order, with others between") {
  Expectation expected{"messages", {}, {beat(1), beat(2)}, {}, 1};
  CHECK(verdict(expected, beats({2, 1})) == Verdict::pending);
  CHECK(verdict(expected, beats({2, 1, 5, 2})) == Verdict::met);
}

TEST_CASE("a failure tells what was expected, what came, and the nearest miss") {
  const Expectation expected{"messages", {{"device", "d1"}, {"body", {{"beat", 4}}}}, {}, {}, 1};
  std::vector<Json> came = beats({3});
  came.insert(came.begin(), Json::object({{"device", "d2"}, {"body", "x"}}));
  CHECK(failure(expected, came) ==
        "expected at least 1 messages like {\"device\":\"d1\",\"body\":{\"beat\":4}}\n"
        "0 came like it\n"
        "2 messages came in all:\n"
        "  {\"device\":\"d2\",\"body\":\"x\"}\n"
        "  {\"device\":\"d1\",\"body\":{\"beat\":3}}\n"
        "nearest miss: {\"device\":\"d1\",\"body\":{\"beat\":3}}\n"
        "  /body/beat: expected 4, got 3");
}
