#include "protocol/text/xml.h"

#include <doctest/doctest.h>

using iothub::text::xml_escape;

TEST_CASE("markup in a text becomes references") {
  CHECK(xml_escape("a<b>\"c\"&'d'") == "a&lt;b&gt;&quot;c&quot;&amp;'d'");
  CHECK(xml_escape("\xC3\xA9\n") == "\xC3\xA9\n");
}
