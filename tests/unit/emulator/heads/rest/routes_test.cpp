#include "emulator/heads/rest/routes.h"

#include <doctest/doctest.h>

#include "protocol/http/url.h"

using namespace iothub;
using namespace iothub::heads::rest;

namespace {

RouteMatch route_of(std::string_view method, std::string_view target) {
  return find_route(routes(), method, http::parse_target(target)->segments);
}

std::string_view name_of_route(std::string_view method, std::string_view target) {
  const RouteMatch match = route_of(method, target);
  return match.route == nullptr ? std::string_view("(none)") : match.route->name;
}

}  // namespace

TEST_CASE("fixed words match in any case, ids stay as they stand") {
  const RouteMatch match = route_of("GET", "/DEVICES/Dev%20A/Modules/M+1");
  REQUIRE(match.route != nullptr);
  CHECK(match.route->name == "get module");
  CHECK(match.ids == std::vector<std::string>{"Dev A", "M+1"});
  CHECK(name_of_route("GET", "/devices/d/messages/devicebound") == "receive cloud-to-device message over HTTP");
}

TEST_CASE("a trailing slash changes nothing, an empty id is no path") {
  CHECK(name_of_route("GET", "/devices/?top=1") == "list devices");
  CHECK(name_of_route("GET", "/devices/d/") == "get device");
  CHECK(name_of_route("GET", "/devices//") == "(none)");
  CHECK(name_of_route("GET", "/devices//modules") == "(none)");
  CHECK(name_of_route("GET", "/") == "(none)");
  CHECK(route_of("GET", "/devices//modules").allowed.empty());
  CHECK(route_of("GET", "/devices/d/modules/m/x").allowed.empty());
}

TEST_CASE("the method chooses among the routes of a path, and a wrong one learns them") {
  CHECK(name_of_route("POST", "/devices/query") == "query");
  CHECK(name_of_route("PUT", "/devices/query") == "create or update device");  // a device of that name
  CHECK(name_of_route("GET", "/jobs/v2/query") == "query jobs");
  CHECK(name_of_route("GET", "/jobs/v2/j") == "get job");
  CHECK(name_of_route("GET", "/jobs/j") == "get import or export job");
  CHECK(route_of("HEAD", "/devices/d").route == nullptr);
  CHECK(route_of("HEAD", "/devices/d").allowed == "GET, PUT, DELETE");
  CHECK(route_of("get", "/twins/d").allowed == "GET, PATCH, PUT");  // methods are case-sensitive
}

TEST_CASE("no route hides behind an earlier one") {
  for (const Route& route : routes()) {
    CAPTURE(route.method);
    CAPTURE(route.pattern);
    CHECK(route_of(route.method, "/" + std::string(route.pattern)).route == &route);
  }
}
