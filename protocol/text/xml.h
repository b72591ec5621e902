#pragma once
/// Text inside XML (XML 1.0, 2.4).
#include <string>
#include <string_view>

namespace iothub::text {

/// With references for what is markup in an element or an attribute: & < > and the double quote.
std::string xml_escape(std::string_view text);

}  // namespace iothub::text
