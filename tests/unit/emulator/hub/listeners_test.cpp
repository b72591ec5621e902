#include "emulator/hub/listeners.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using iothub::hub::Listeners;

TEST_CASE("a listener may end itself and others while it is told; who was ended is not told") {
  Listeners<int> listeners;
  std::vector<int> heard;
  std::optional<Listeners<int>::Listener> first, second;
  first = listeners.add([&](int what) {
    heard.push_back(what);
    first.reset();
    second.reset();
  });
  second = listeners.add([&](int what) { heard.push_back(100 + what); });
  const auto third = listeners.add([&](int what) { heard.push_back(200 + what); });
  listeners.tell(1);
  CHECK(heard == std::vector{1, 201});
  listeners.tell(2);
  CHECK(heard == std::vector{1, 201, 202});
}

TEST_CASE("a listener that was moved goes on, and one that was replaced has ended") {
  Listeners<> listeners;
  int first = 0, second = 0;
  auto kept = listeners.add([&] { ++first; });
  auto moved = std::move(kept);
  listeners.tell();
  moved = listeners.add([&] { ++second; });
  listeners.tell();
  CHECK(first == 1);
  CHECK(second == 1);
}
