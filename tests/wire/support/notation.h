#pragma once
/// How the cases write packets: hex, with texts and lengths that need no counting.
#include <map>
#include <string>
#include <string_view>

namespace iothub::test {

/// What `{name}` stands for.
using Names = std::map<std::string, std::string, std::less<>>;

/// The bytes that a notation means; throws std::invalid_argument for one that means none. Blanks separate; there are
///   d0 00       bytes in hex
///   "text"      an MQTT string: two bytes of length, then the text
///   'text'      the text alone
///   [ ... ]     an MQTT remaining length, then what the brackets hold
/// and `{name}` inside texts.
std::string wire_bytes(std::string_view notation, const Names& names = {});

/// `text` with every `{name}` replaced.
std::string with_names(std::string_view text, const Names& names);

/// For the reader of a failure: printable runs stand in quotes, the rest in hex.
std::string shown(std::string_view bytes);

}  // namespace iothub::test
