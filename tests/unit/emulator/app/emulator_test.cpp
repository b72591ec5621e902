#include "emulator/app/emulator.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace iothub::app;

TEST_CASE("clients say localhost wherever that reaches the hub") {
  for (const char* address : {"localhost", "*", "0.0.0.0", "::", "127.0.0.1", "::1"}) {
    CAPTURE(address);
    CHECK(host_for_clients(address) == "localhost");
  }
  CHECK(host_for_clients("127.0.0.2") == "127.0.0.2");
  CHECK(host_for_clients("192.0.2.1") == "192.0.2.1");
}

TEST_CASE("a hub's names are the clients' one, those of every hub, and the configured ones, each once") {
  Config config;
  config.host_names = {"hub.example", "localhost"};
  CHECK(hub_names(config) ==
        std::vector<std::string>{"localhost", "127.0.0.1", "::1", "host.docker.internal", "hub.example"});
  config.listen_address = "192.0.2.1";
  CHECK(hub_names(config).front() == "192.0.2.1");
  CHECK(hub_names(config).back() == "hub.example");
}
