#include "emulator/scenario/junit.h"

#include <doctest/doctest.h>

#include <vector>

using namespace iothub::scenario;

TEST_CASE("outcomes are written as a testsuite each, with a testcase for each step") {
  using State = StepOutcome::State;
  const std::vector<Outcome> outcomes{{"one & two",
                                       "a<b>.yaml",
                                       std::chrono::milliseconds(1500),
                                       {{"send", State::passed, std::chrono::milliseconds(250), {}},
                                        {"expect", State::failed, std::chrono::seconds(1), "expected \"x\"\nit is <y>"},
                                        {"send", State::skipped, {}, {}}}}};
  CHECK_FALSE(outcomes[0].passed());
  CHECK(junit_xml(outcomes) ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.500\">\n"
        "  <testsuite name=\"one &amp; two\" file=\"a&lt;b&gt;.yaml\" tests=\"3\" failures=\"1\" errors=\"0\" "
        "skipped=\"1\" time=\"1.500\">\n"
        "    <testcase classname=\"one &amp; two\" name=\"send\" time=\"0.250\"/>\n"
        "    <testcase classname=\"one &amp; two\" name=\"expect\" time=\"1.000\"><failure message=\"expected "
        "&quot;x&quot;\">expected &quot;x&quot;&#10;it is &lt;y&gt;</failure></testcase>\n"
        "    <testcase classname=\"one &amp; two\" name=\"send\" time=\"0.000\"><skipped/></testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
}

TEST_CASE("what XML cannot say is replaced") {
  CHECK(xml_escaped("a\x01\tb") == "a\xEF\xBF\xBD&#9;b");
  CHECK(xml_escaped("\xFF"
                    "c") ==
        "\xEF\xBF\xBD"
        "c");
}
