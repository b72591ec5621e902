#include "emulator/hub/twin_validation.h"

#include <optional>
#include <string>

#include "emulator/hub/limits.h"

namespace iothub::hub {
namespace {

/// C0, DEL excluded, and C1 controls of a UTF-8 text: what the service does not count and does not allow in keys.
std::size_t control_bytes(std::string_view text) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20) ++bytes;
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
        static_cast<unsigned char>(text[i + 1]) <= 0x9F) {
      bytes += 2;
    }
  }
  return bytes;
}

std::optional<std::string> key_problem(std::string_view key) {
  if (key.empty()) return "an empty key";
  if (key.size() > kMaxTwinKeyBytes) return "a key of more than 1024 bytes";
  if (key.find_first_of(".$# \t\r\n\f\v") != std::string_view::npos || control_bytes(key) > 0) {
    return "the key '" + std::string(key) + "', which holds one of . $ # white space or a control character";
  }
  return std::nullopt;
}

/// `depth` counts the containers above the value; the section's root is 0.
std::optional<std::string> problem(const Json& value, int depth, bool inside_array) {
  switch (value.type()) {
    case Json::value_t::null:
      if (inside_array) return "a null inside an array";
      return std::nullopt;
    case Json::value_t::string:
      if (value.get_ref<const std::string&>().size() > kMaxTwinStringBytes) return "a string of more than 4096 bytes";
      return std::nullopt;
    case Json::value_t::number_integer:
      if (value.get<std::int64_t>() < kMinTwinInteger || value.get<std::int64_t>() > kMaxTwinInteger) {
        return "an integer outside -4503599627370496..4503599627370495";
      }
      return std::nullopt;
    case Json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxTwinInteger)) {
        return "an integer outside -4503599627370496..4503599627370495";
      }
      return std::nullopt;
    case Json::value_t::object:
      if (depth > kMaxTwinDepth) return "more than 10 levels";
      for (const auto& [name, member] : value.items()) {
        if (auto bad = key_problem(name)) return bad;
        if (auto bad = problem(member, depth + 1, inside_array)) return bad;
      }
      return std::nullopt;
    case Json::value_t::array:
      if (depth > kMaxTwinDepth) return "more than 10 levels";
      for (const Json& member : value) {
        if (auto bad = problem(member, depth + 1, true)) return bad;
      }
      return std::nullopt;
    case Json::value_t::boolean:
    case Json::value_t::number_float:
      return std::nullopt;
    case Json::value_t::binary:
    case Json::value_t::discarded:
      return "a value that is not JSON";
  }
  return "a value that is not JSON";
}

}  // namespace

Result<void> validate_section(const Json& section, std::string_view section_name) {
  if (!section.is_object()) return argument_invalid("'" + std::string(section_name) + "' is not a JSON object");
  if (const auto bad = problem(section, 0, false)) {
    return argument_invalid("'" + std::string(section_name) + "' holds " + *bad);
  }
  return {};
}

std::size_t section_size(const Json& value) {
  std::size_t size = 0;
  switch (value.type()) {
    case Json::value_t::object:
      for (const auto& [name, member] : value.items()) {
        if (!name.starts_with('$')) size += name.size() - control_bytes(name) + section_size(member);
      }
      return size;
    case Json::value_t::array:
      for (const Json& member : value) size += section_size(member);
      return size;
    case Json::value_t::string: {
      const std::string& text = value.get_ref<const std::string&>();
      return text.size() - control_bytes(text);
    }
    case Json::value_t::boolean:
      return 4;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return 8;
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      return 0;
  }
  return 0;
}

Result<void> check_section_size(const Json& section, std::string_view section_name, std::size_t limit) {
  const std::size_t size = section_size(section);
  if (size <= limit) return {};
  return argument_invalid("'" + std::string(section_name) + "' would have " + std::to_string(size) +
                          " bytes; the limit is " + std::to_string(limit));
}

}  // namespace iothub::hub
