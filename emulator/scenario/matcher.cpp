#include "emulator/scenario/matcher.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <regex>
#include <string_view>

#include "emulator/seed/located_document.h"
#include "protocol/text/nearest_name.h"

namespace iothub::scenario {
namespace {

using hub::Json;

constexpr std::array<std::string_view, 9> kMatchers{"$near",   "$range", "$regex", "$contains", "$type",
                                                    "$equals", "$not",   "$any",   "$absent"};
constexpr std::array<std::string_view, 6> kTypes{"object", "array", "string", "number", "boolean", "null"};
/// What a failure shows of one value.
constexpr std::size_t kShown = 200;

bool is_matcher(const Json& json) {
  return json.is_object() && json.size() == 1 && json.begin().key().starts_with('$');
}

std::string shown(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

std::optional<MatcherError> check_numbers(const Json& arguments, const std::string& pointer,
                                          std::initializer_list<std::string_view> names) {
  if (!arguments.is_object()) return MatcherError{pointer, "it takes an object of numbers"};
  for (const auto& [name, value] : arguments.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return MatcherError{pointer + "/" + seed::pointer_step(name),
                          "there is no argument '" + name + "': the nearest one is '" +
                              std::string(text::nearest_name(name, std::vector(names))) + "'"};
    }
    if (!value.is_number()) return MatcherError{pointer + "/" + name, "it has to be a number"};
  }
  return std::nullopt;
}

std::optional<MatcherError> check(const Json& matcher, const std::string& pointer);

std::optional<MatcherError> check_one(const std::string& name, const Json& argument, const std::string& pointer) {
  if (name == "$near") {
    if (auto wrong = check_numbers(argument, pointer, {"value", "within"})) return wrong;
    if (!argument.contains("value") || !argument.contains("within")) {
      return MatcherError{pointer, "it needs value and within"};
    }
    return std::nullopt;
  }
  if (name == "$range") return check_numbers(argument, pointer, {"min", "max"});
  if (name == "$regex") {
    if (!argument.is_string()) return MatcherError{pointer, "it takes a text"};
    try {
      const std::regex compiled(argument.get<std::string>());
    } catch (const std::regex_error&) {
      return MatcherError{pointer, "it is no regular expression (ECMAScript)"};
    }
    return std::nullopt;
  }
  if (name == "$type") {
    if (argument.is_string() && std::find(kTypes.begin(), kTypes.end(), argument.get<std::string>()) != kTypes.end()) {
      return std::nullopt;
    }
    return MatcherError{pointer, "it has to be one of object, array, string, number, boolean, null"};
  }
  if (name == "$any" || name == "$absent") {
    if (argument == true) return std::nullopt;
    return MatcherError{pointer, "it takes true"};
  }
  if (name == "$contains" || name == "$not") return check(argument, pointer);
  if (name == "$equals") return std::nullopt;
  return MatcherError{pointer, "there is no matcher '" + name + "': the nearest one is '" +
                                   std::string(text::nearest_name(name, kMatchers)) + "'"};
}

std::optional<MatcherError> check(const Json& matcher, const std::string& pointer) {
  if (is_matcher(matcher)) {
    const auto only = matcher.begin();
    return check_one(only.key(), only.value(), pointer + "/" + seed::pointer_step(only.key()));
  }
  if (matcher.is_object()) {
    for (const auto& [name, value] : matcher.items()) {
      if (auto wrong = check(value, pointer + "/" + seed::pointer_step(name))) return wrong;
    }
  }
  if (matcher.is_array()) {
    for (std::size_t i = 0; i < matcher.size(); ++i) {
      if (auto wrong = check(matcher[i], pointer + "/" + std::to_string(i))) return wrong;
    }
  }
  return std::nullopt;
}

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return value.is_null();
}

/// The order of members says nothing.
bool equal(const Json& left, const Json& right) {
  if (left.is_object() && right.is_object()) {
    if (left.size() != right.size()) return false;
    return std::all_of(left.items().begin(), left.items().end(), [&right](const auto& member) {
      return right.contains(member.key()) && equal(member.value(), right[member.key()]);
    });
  }
  if (left.is_array() && right.is_array()) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), equal);
  }
  return left == right;
}

bool contains(const Json& argument, const Json& value) {
  if (value.is_string() && argument.is_string()) {
    return value.get<std::string>().find(argument.get<std::string>()) != std::string::npos;
  }
  return value.is_array() && std::any_of(value.begin(), value.end(), [&argument](const Json& element) {
           return compare(argument, element).matches();
         });
}

bool holds(const std::string& name, const Json& argument, const Json& value) {
  if (name == "$near") {
    return value.is_number() &&
           std::abs(value.get<double>() - argument["value"].get<double>()) <= argument["within"].get<double>();
  }
  if (name == "$range") {
    return value.is_number() && value.get<double>() >= argument.value("min", -INFINITY) &&
           value.get<double>() <= argument.value("max", INFINITY);
  }
  if (name == "$regex") {
    return value.is_string() && std::regex_search(value.get<std::string>(), std::regex(argument.get<std::string>()));
  }
  if (name == "$contains") return contains(argument, value);
  if (name == "$type") return is_of_type(value, argument.get<std::string>());
  if (name == "$equals") return equal(argument, value);
  if (name == "$not") return !compare(argument, value).matches();
  return name == "$any";
}

bool wants_absence(const Json& matcher) {
  return is_matcher(matcher) && matcher.begin().key() == "$absent";
}

void compare(const Json& matcher, const Json& value, const std::string& pointer, Comparison& result) {
  const auto differ = [&] {
    result.differences.push_back({pointer, "expected " + shown(matcher) + ", got " + shown(value)});
  };
  if (is_matcher(matcher)) {
    if (holds(matcher.begin().key(), matcher.begin().value(), value)) {
      ++result.agreed;
    } else {
      differ();
    }
    return;
  }
  if (matcher.is_object() && value.is_object()) {
    for (const auto& [name, member] : matcher.items()) {
      const std::string here = pointer + "/" + seed::pointer_step(name);
      const auto found = value.find(name);
      if (found != value.end() && !wants_absence(member)) {
        compare(member, *found, here, result);
      } else if ((found == value.end()) == wants_absence(member)) {
        ++result.agreed;
      } else {
        result.differences.push_back({here, wants_absence(member) ? "expected nothing, got " + shown(*found)
                                                                  : "expected " + shown(member) + ", it is missing"});
      }
    }
    return;
  }
  if (matcher.is_array() && value.is_array() && matcher.size() == value.size()) {
    for (std::size_t i = 0; i < matcher.size(); ++i) {
      compare(matcher[i], value[i], pointer + "/" + std::to_string(i), result);
    }
    return;
  }
  if (equal(matcher, value)) {
    ++result.agreed;
  } else {
    differ();
  }
}

}  // namespace

std::optional<MatcherError> check_matcher(const Json& matcher) {
  return check(matcher, {});
}

Comparison compare(const Json& matcher, const Json& value) {
  Comparison result;
  compare(matcher, value, {}, result);
  return result;
}

}  // namespace iothub::scenario
