#include "emulator/hub/query/names.h"

#include <algorithm>
#include <iterator>

#include "protocol/text/ascii.h"

namespace iothub::hub::query {
namespace {

constexpr std::string_view kReserved[] = {"SELECT", "FROM", "WHERE", "GROUP", "BY",   "AS",    "TOP",  "AND",
                                          "OR",     "NOT",  "IN",    "NIN",   "TRUE", "FALSE", "NULL", "UNDEFINED"};

}  // namespace

bool starts_name(char c) {
  return text::is_alpha(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) {
  return starts_name(c) || text::is_digit(c) || c == '-';
}

bool is_reserved(std::string_view word) {
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view reserved) { return text::equals_ignoring_case(reserved, word); });
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && starts_name(name.front()) && std::all_of(name.begin(), name.end(), continues_name) &&
         !is_reserved(name);
}

}  // namespace iothub::hub::query
