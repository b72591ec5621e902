#include "protocol/text/ascii.h"

#include <doctest/doctest.h>

#include <string>

using namespace iothub::text;

TEST_CASE("of all bytes only ASCII's letters and digits are letters and digits") {
  std::string digits;
  std::string letters;
  std::string changed;
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    if (is_digit(c)) digits += c;
    if (is_alpha(c)) letters += c;
    if (lower(c) != c) changed += c;
  }
  CHECK(digits == "0123456789");
  CHECK(letters == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  CHECK(changed == "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

TEST_CASE("case is folded in ASCII only") {
  CHECK(lower("AbZ09[@`{") == "abz09[@`{");
  CHECK(lower("\xC3\x84") == "\xC3\x84");  // LATIN CAPITAL LETTER A WITH DIAERESIS
  CHECK(equals_ignoring_case("If-Match", "iF-mATCH"));
  CHECK(equals_ignoring_case("", ""));
  CHECK(!equals_ignoring_case("If-Match", "If-Matc"));
  CHECK(!equals_ignoring_case("If-Matc", "If-Match"));
  CHECK(!equals_ignoring_case("@", "`"));
  CHECK(!equals_ignoring_case("\xC3\x84", "\xC3\xA4"));
}
