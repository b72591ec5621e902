#include "emulator/app/banner.h"

#include <doctest/doctest.h>

using namespace iothub::app;

TEST_CASE("the banner shows ports, CA file and every connection string on a line of its own") {
  const RunningHub hub{{8443, 8883, 5671},
                       "/ca/ca.pem",
                       {{"iothubowner", "HostName=x;A=1"}, {"device", "HostName=x;B=2"}},
                       "Endpoint=sb://x/"};
  const std::string text = banner(hub, "localhost", "in memory");
  for (const char* part : {"HTTPS 8443", "MQTTS 8883", "AMQPS 5671", "localhost", "in memory", "/ca/ca.pem",
                           "Endpoint=sb://x/\n", "iothubowner  HostName=x;A=1\n", "device       HostName=x;B=2\n"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.back() == '\n');
}
