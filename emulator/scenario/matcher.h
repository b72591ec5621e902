#pragma once
/// JSON that says which JSON it means: objects match when they have at least these members, arrays element by element,
/// all else when equal (21 and 21.0 are).
///
/// An object with one member whose name starts with `$` is a matcher of its own:
///   {"$near": {"value": 21, "within": 0.5}}    a number at most so far away
///   {"$range": {"min": 0, "max": 10}}          a number between them; either may be left out
///   {"$regex": "^v[0-9]+"}                     a text in which this is found (ECMAScript)
///   {"$contains": 3}                           an array with such an element, a text with such a part
///   {"$type": "number"}                        object, array, string, number, boolean or null
///   {"$equals": {...}}                         this and nothing more
///   {"$not": ...}                              anything else
///   {"$any": true}                             whatever is there
///   {"$absent": true}                          no such member
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "emulator/hub/json.h"

namespace iothub::scenario {

/// What is wrong with a matcher: the JSON pointer inside it, and why.
struct MatcherError {
  std::string pointer;
  std::string what;
};

/// Nothing when every matcher in it can work.
std::optional<MatcherError> check_matcher(const hub::Json& matcher);

struct Difference {
  std::string pointer;  ///< into the value; empty: the whole
  std::string text;     ///< `expected 21, got 20`

  bool operator==(const Difference&) const = default;
};

struct Comparison {
  std::vector<Difference> differences;
  std::size_t agreed = 0;  ///< single values that are as they should: tells the nearest miss from others

  bool matches() const { return differences.empty(); }
};

/// `matcher` was checked.
Comparison compare(const hub::Json& matcher, const hub::Json& value);

}  // namespace iothub::scenario
