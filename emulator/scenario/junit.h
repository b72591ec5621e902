#pragma once
#include <span>
#include <string>
#include <string_view>

#include "emulator/scenario/outcome.h"

namespace iothub::scenario {

/// The outcomes as the XML that CI servers read: a testsuite each, with a testcase for each step.
std::string junit_xml(std::span<const Outcome> outcomes);

/// For text and attributes of XML 1.0: markup escaped; what XML cannot say (controls, bytes that are no UTF-8) is
/// U+FFFD.
std::string xml_escaped(std::string_view text);

}  // namespace iothub::scenario
