#include "emulator/simulate/pattern.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "protocol/text/nearest_name.h"
#include "protocol/text/timestamp.h"

namespace iothub::simulate {
namespace {

using hub::Json;

constexpr std::array<std::string_view, 6> kGenerators{"$counter", "$walk", "$uniform", "$choice", "$time", "$device"};

bool is_generator(const Json& pattern) {
  return pattern.is_object() && pattern.size() == 1 && pattern.begin().key().starts_with('$');
}

double number(const Json& arguments, const char* name, double otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : found->get<double>();
}

std::optional<PatternError> check_numbers(const Json& arguments, const std::string& pointer,
                                          std::initializer_list<std::string_view> names) {
  if (!arguments.is_object()) return PatternError{pointer, "it takes an object of numbers"};
  for (const auto& [name, value] : arguments.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return PatternError{pointer + "/" + name, "there is no argument '" + name + "': the nearest one is '" +
                                                    std::string(text::nearest_name(name, std::vector(names))) + "'"};
    }
    if (!value.is_number()) return PatternError{pointer + "/" + name, "it has to be a number"};
  }
  if (number(arguments, "min", -INFINITY) > number(arguments, "max", INFINITY)) {
    return PatternError{pointer, "min is greater than max"};
  }
  return std::nullopt;
}

std::optional<PatternError> check_generator(const std::string& name, const Json& arguments,
                                            const std::string& pointer) {
  if (name == "$counter") return check_numbers(arguments, pointer, {"start", "step"});
  if (name == "$walk") return check_numbers(arguments, pointer, {"start", "step", "min", "max"});
  if (name == "$uniform") {
    if (auto wrong = check_numbers(arguments, pointer, {"min", "max"})) return wrong;
    if (!arguments.contains("min") || !arguments.contains("max")) return PatternError{pointer, "it needs min and max"};
    return std::nullopt;
  }
  if (name == "$choice") {
    if (arguments.is_array() && !arguments.empty()) return std::nullopt;
    return PatternError{pointer, "it takes an array of one value or more"};
  }
  if (name == "$time") {
    if (arguments == "iso" || arguments == "unix") return std::nullopt;
    return PatternError{pointer, "it is neither iso nor unix"};
  }
  if (name == "$device") {
    if (arguments == "id") return std::nullopt;
    return PatternError{pointer, "it is not id"};
  }
  return PatternError{pointer, "there is no generator '" + name + "': the nearest one is '" +
                                   std::string(text::nearest_name(name, kGenerators)) + "'"};
}

/// 5, not 5.0: a whole number where one goes in.
Json as_number(double value) {
  if (std::nearbyint(value) == value && std::abs(value) < 9e15) return static_cast<std::int64_t>(value);
  return value;
}

std::optional<PatternError> check(const Json& pattern, const std::string& pointer) {
  if (is_generator(pattern)) {
    const auto only = pattern.begin();
    return check_generator(only.key(), only.value(), pointer + "/" + only.key());
  }
  if (pattern.is_object()) {
    for (const auto& [name, value] : pattern.items()) {
      if (auto wrong = check(value, pointer + "/" + name)) return wrong;
    }
  }
  if (pattern.is_array()) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (auto wrong = check(pattern[i], pointer + "/" + std::to_string(i))) return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<PatternError> check_pattern(const Json& pattern) {
  return check(pattern, {});
}

Json Generators::next(const Json& pattern, const std::string& place, double unix_time) {
  if (is_generator(pattern)) return generated(pattern.begin().key(), pattern.begin().value(), place, unix_time);
  if (pattern.is_object()) {
    Json out = Json::object();
    for (const auto& [name, value] : pattern.items()) out[name] = next(value, place + "/" + name, unix_time);
    return out;
  }
  if (pattern.is_array()) {
    Json out = Json::array();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      out.push_back(next(pattern[i], place + "/" + std::to_string(i), unix_time));
    }
    return out;
  }
  return pattern;
}

Json Generators::generated(const std::string& generator, const Json& arguments, const std::string& place,
                           double unix_time) {
  if (generator == "$choice") {
    return arguments[std::uniform_int_distribution<std::size_t>(0, arguments.size() - 1)(chance_)];
  }
  if (generator == "$device") return device_id_;
  if (generator == "$time") {
    if (arguments == "unix") return static_cast<std::int64_t>(unix_time);
    return text::iso_time(Timestamp::from_unix_milliseconds(static_cast<std::int64_t>(unix_time * 1000)));
  }
  if (generator == "$uniform") {
    return std::uniform_real_distribution<double>(number(arguments, "min", 0), number(arguments, "max", 1))(chance_);
  }
  const double step = number(arguments, "step", 1);
  const auto [state, is_first] = states_.try_emplace(place, number(arguments, "start", 0));
  if (is_first) return as_number(state->second);
  if (generator == "$counter") {
    state->second += step;
  } else {
    state->second += std::uniform_real_distribution<double>(-step, step)(chance_);
    state->second = std::clamp(state->second, number(arguments, "min", -INFINITY), number(arguments, "max", INFINITY));
  }
  return as_number(state->second);
}

}  // namespace iothub::simulate
