#pragma once
/// Values of the query language: JSON's, and undefined for what is not there.
#include <optional>
#include <string>
#include <variant>

#include "emulator/hub/json.h"

namespace iothub::hub::query {

struct Undefined {
  bool operator==(const Undefined&) const = default;
};
struct Null {
  bool operator==(const Null&) const = default;
};

/// An array or object is borrowed from the row it stands in (or from the query, for a literal).
using Value = std::variant<Undefined, Null, bool, double, std::string, const Json*>;

/// A primitive is copied, an array or object borrowed: `json` must outlive the value.
Value from_json(const Json& json);
/// Undefined has no JSON.
std::optional<Json> to_json(const Value& value);

inline bool is_true(const Value& value) {
  const bool* boolean = std::get_if<bool>(&value);
  return boolean != nullptr && *boolean;
}

}  // namespace iothub::hub::query
