#include "emulator/hub/links.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/support/test_hub.h"

using namespace iothub;

namespace {

struct Link final : hub::DeviceLink {
  void desired_changed(const hub::DesiredChange&) override {}
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd) override { closed = true; }
  bool closed = false;
};

}  // namespace

TEST_CASE("a device's end closes the links of its modules and of nobody else") {
  test::TestHub hub;
  const hub::Identity d{{"d"}, {}}, a{{"d"}, {"a"}}, b{{"d"}, {"b"}}, gone{{"d"}, {"c"}}, longer{{"d1"}, {"a"}},
      before{{"c"}, {"z"}};
  Link links[6];
  hub::Links& all = hub.hub.links();
  const auto d_link = all.attach(d, links[0]);
  const auto a_link = all.attach(a, links[1]);
  const auto b_link = all.attach(b, links[2]);
  const auto longer_link = all.attach(longer, links[4]);
  const auto before_link = all.attach(before, links[5]);
  { const auto detached = all.attach(gone, links[3]); }

  all.close(a, hub::LinkEnd::deleted, false);
  CHECK(links[1].closed);
  CHECK_FALSE(links[0].closed);
  links[1].closed = false;
  all.close(d, hub::LinkEnd::deleted, true);
  CHECK(links[0].closed);
  CHECK(links[2].closed);
  for (const int other : {1, 3, 4, 5}) CHECK_FALSE(links[other].closed);
  CHECK(all.connected_count() == 2);
}
