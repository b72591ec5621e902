#include "emulator/app/ports.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "emulator/net/listener.h"

using namespace iothub::app;
using iothub::net::BindError;

namespace {

/// Binds nothing: refuses the ports it is told to, and picks from 40001 on.
struct FakePorts {
  std::map<std::uint16_t, BindError::Kind> refused{};
  std::vector<std::uint16_t> bound{};

  Ports bind(const Ports& wanted, PortFallback fallback) {
    return bind_ports(
        wanted, fallback,
        [this](std::uint16_t port) {
          if (const auto found = refused.find(port); found != refused.end()) {
            throw BindError(found->second, {boost::asio::ip::address_v4::loopback(), port}, "refused");
          }
          bound.push_back(port != 0 ? port : static_cast<std::uint16_t>(40'001 + bound.size()));
          return bound.back();
        },
        [](std::uint16_t port) { return port; }, [](std::uint16_t port) { return port; });
  }
};

}  // namespace

TEST_CASE("ports that can be had are bound as wanted") {
  FakePorts ports;
  CHECK(ports.bind({443, 8883, 5671}, PortFallback::none) == Ports{443, 8883, 5671});
  CHECK(ports.bound == std::vector<std::uint16_t>{443, 8883, 5671});
}

TEST_CASE("port 0 is what the system picks, one for each protocol") {
  FakePorts ports;
  CHECK(ports.bind({0, 0, 0}, PortFallback::none) == Ports{40'001, 40'002, 40'003});
}

TEST_CASE("a port that several protocols share is bound once") {
  FakePorts ports;
  CHECK(ports.bind({9000, 9000, 9000}, PortFallback::none) == Ports{9000, 9000, 9000});
  CHECK(ports.bind({9001, 9002, 9002}, PortFallback::none) == Ports{9001, 9002, 9002});
  CHECK(ports.bound == std::vector<std::uint16_t>{9000, 9001, 9002});
}

TEST_CASE("serve moves to 8443 where 443 is not permitted") {
  FakePorts ports{{{443, BindError::Kind::not_permitted}}};
  CHECK(ports.bind({443, 8883, 5671}, PortFallback::https_not_permitted) == Ports{8443, 8883, 5671});
}

TEST_CASE("serve does not move from a port that is taken, nor from another than 443") {
  FakePorts https{{{443, BindError::Kind::taken}}};
  CHECK_THROWS_AS(https.bind({}, PortFallback::https_not_permitted), BindError);
  FakePorts low{{{80, BindError::Kind::not_permitted}}};
  CHECK_THROWS_AS(low.bind({80, 8883, 5671}, PortFallback::https_not_permitted), BindError);
  FakePorts mqtt{{{8883, BindError::Kind::taken}}};
  CHECK_THROWS_WITH(mqtt.bind({}, PortFallback::https_not_permitted), doctest::Contains("127.0.0.1:8883"));
}

TEST_CASE("exec moves from no port") {
  FakePorts ports{{{443, BindError::Kind::not_permitted}}};
  CHECK_THROWS_AS(ports.bind({}, PortFallback::none), BindError);
}

TEST_CASE("exec with fallback moves from every port that is taken or not permitted") {
  FakePorts ports{{{443, BindError::Kind::taken}, {8883, BindError::Kind::taken}}};
  CHECK(ports.bind({443, 8883, 5671}, PortFallback::any) == Ports{8443, 40'002, 5671});
}

TEST_CASE("a fallback that is taken itself is what the failure names") {
  FakePorts ports{{{443, BindError::Kind::not_permitted}, {8443, BindError::Kind::taken}}};
  CHECK_THROWS_WITH(ports.bind({}, PortFallback::https_not_permitted), doctest::Contains("127.0.0.1:8443"));
}
