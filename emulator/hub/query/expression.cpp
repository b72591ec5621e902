#include "emulator/hub/query/expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "protocol/text/ascii.h"

namespace iothub::hub::query {
namespace {

using Arguments = std::vector<Value>;

template <typename T>
const T* as(const Value& value) {
  return std::get_if<T>(&value);
}

const Json* container(const Value& value) {
  const Json* const* json = std::get_if<const Json*>(&value);
  return json == nullptr ? nullptr : *json;
}

// ---- functions: an argument of the wrong type gives undefined ------------------------------------------------------

Value is_defined(const Arguments& a) {
  return !std::holds_alternative<Undefined>(a[0]);
}
Value is_null(const Arguments& a) {
  return std::holds_alternative<Null>(a[0]);
}
Value is_bool(const Arguments& a) {
  return std::holds_alternative<bool>(a[0]);
}
Value is_number(const Arguments& a) {
  return std::holds_alternative<double>(a[0]);
}
Value is_string(const Arguments& a) {
  return std::holds_alternative<std::string>(a[0]);
}
Value is_array(const Arguments& a) {
  return container(a[0]) != nullptr && container(a[0])->is_array();
}
Value is_object(const Arguments& a) {
  return container(a[0]) != nullptr && container(a[0])->is_object();
}
Value is_primitive(const Arguments& a) {
  return !std::holds_alternative<Undefined>(a[0]) && container(a[0]) == nullptr;
}

template <double (*F)(double)>
Value numeric(const Arguments& a) {
  const double* x = as<double>(a[0]);
  if (x == nullptr) return Undefined{};
  const double result = F(*x);
  return std::isfinite(result) ? Value(result) : Value(Undefined{});
}
double square(double x) {
  return x * x;
}
double sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}
double absolute(double x) {
  return std::fabs(x);
}
double exponential(double x) {
  return std::exp(x);
}
double ceiling(double x) {
  return std::ceil(x);
}
double floor_of(double x) {
  return std::floor(x);
}
double root(double x) {
  return std::sqrt(x);
}

Value power(const Arguments& a) {
  const double* base = as<double>(a[0]);
  const double* exponent = as<double>(a[1]);
  if (base == nullptr || exponent == nullptr) return Undefined{};
  const double result = std::pow(*base, *exponent);
  return std::isfinite(result) ? Value(result) : Value(Undefined{});
}

Value as_number(const Arguments& a) {
  if (as<double>(a[0]) != nullptr) return a[0];
  const std::string* text = as<std::string>(a[0]);
  if (text == nullptr || text->empty()) return Undefined{};
  double number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  return error == std::errc{} && stop == end && std::isfinite(number) ? Value(number) : Value(Undefined{});
}

Value concat(const Arguments& a) {
  std::string out;
  for (const Value& value : a) {
    const std::string* text = as<std::string>(value);
    if (text == nullptr) return Undefined{};
    out += *text;
  }
  return out;
}

/// Characters, not bytes: continuation bytes of UTF-8 do not count.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The byte at which a character starts; the size of the text when it has no so many.
std::size_t byte_of(std::string_view text, double character) {
  std::size_t byte = 0;
  for (; byte < text.size(); ++byte) {
    if ((text[byte] & 0xC0) != 0x80 && character-- < 1) break;
  }
  return byte;
}

Value length(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  return text == nullptr ? Value(Undefined{}) : Value(static_cast<double>(characters(*text)));
}

Value lower(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  return text == nullptr ? Value(Undefined{}) : Value(text::lower(*text));
}

Value upper(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  if (text == nullptr) return Undefined{};
  std::string out = *text;
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

Value substring(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  const double* from = as<double>(a[1]);
  if (text == nullptr || from == nullptr || *from < 0) return Undefined{};
  const std::string_view rest = std::string_view(*text).substr(byte_of(*text, std::floor(*from)));
  if (a.size() == 2) return std::string(rest);
  const double* wanted = as<double>(a[2]);
  if (wanted == nullptr || *wanted < 0) return Undefined{};
  return std::string(rest.substr(0, byte_of(rest, std::floor(*wanted))));
}

Value index_of(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  const std::string* part = as<std::string>(a[1]);
  if (text == nullptr || part == nullptr) return Undefined{};
  const std::size_t found = text->find(*part);
  if (found == std::string::npos) return -1.0;
  return static_cast<double>(characters(std::string_view(*text).substr(0, found)));
}

template <bool (*F)(std::string_view, std::string_view)>
Value two_texts(const Arguments& a) {
  const std::string* text = as<std::string>(a[0]);
  const std::string* part = as<std::string>(a[1]);
  return text == nullptr || part == nullptr ? Value(Undefined{}) : Value(F(*text, *part));
}
bool starts_with(std::string_view text, std::string_view part) {
  return text.starts_with(part);
}
bool ends_with(std::string_view text, std::string_view part) {
  return text.ends_with(part);
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Value array_contains(const Arguments& a) {
  const Json* array = container(a[0]);
  const std::optional<Json> wanted = to_json(a[1]);
  if (array == nullptr || !array->is_array() || !wanted) return Undefined{};
  return std::any_of(array->begin(), array->end(), [&](const Json& member) { return member == *wanted; });
}

constexpr FunctionRow kFunctions[] = {
    {"ABS", 1, 1, numeric<absolute>},
    {"ARRAY_CONTAINS", 2, 2, array_contains},
    {"AS_NUMBER", 1, 1, as_number},
    {"CEILING", 1, 1, numeric<ceiling>},
    {"CONCAT", 2, 64, concat},
    {"CONTAINS", 2, 2, two_texts<contains>},
    {"ENDSWITH", 2, 2, two_texts<ends_with>},
    {"ENDS_WITH", 2, 2, two_texts<ends_with>},
    {"EXP", 1, 1, numeric<exponential>},
    {"FLOOR", 1, 1, numeric<floor_of>},
    {"INDEX_OF", 2, 2, index_of},
    {"IS_ARRAY", 1, 1, is_array},
    {"IS_BOOL", 1, 1, is_bool},
    {"IS_DEFINED", 1, 1, is_defined},
    {"IS_NULL", 1, 1, is_null},
    {"IS_NUMBER", 1, 1, is_number},
    {"IS_OBJECT", 1, 1, is_object},
    {"IS_PRIMITIVE", 1, 1, is_primitive},
    {"IS_STRING", 1, 1, is_string},
    {"LENGTH", 1, 1, length},
    {"LOWER", 1, 1, lower},
    {"POWER", 2, 2, power},
    {"SIGN", 1, 1, numeric<sign>},
    {"SQRT", 1, 1, numeric<root>},
    {"SQUARE", 1, 1, numeric<square>},
    {"STARTSWITH", 2, 2, two_texts<starts_with>},
    {"STARTS_WITH", 2, 2, two_texts<starts_with>},
    {"SUBSTRING", 2, 3, substring},
    {"UPPER", 1, 1, upper},
};

// ---- operators -----------------------------------------------------------------------------------------------------

/// false wins over undefined, undefined over true.
Value logical_and(const Operation& operation, const Row& row) {
  bool all_true = true;
  for (const ExpressionPtr& operand : operation.operands) {
    const Value value = evaluate(*operand, row);
    const bool* boolean = as<bool>(value);
    if (boolean != nullptr && !*boolean) return false;
    all_true &= boolean != nullptr;
  }
  return all_true ? Value(true) : Value(Undefined{});
}

Value logical_or(const Operation& operation, const Row& row) {
  bool all_false = true;
  for (const ExpressionPtr& operand : operation.operands) {
    const Value value = evaluate(*operand, row);
    const bool* boolean = as<bool>(value);
    if (boolean != nullptr && *boolean) return true;
    all_false &= boolean != nullptr;
  }
  return all_false ? Value(false) : Value(Undefined{});
}

Value membership(const Value& left, const Value& list, bool wanted) {
  const Json* members = container(list);
  if (std::holds_alternative<Undefined>(left) || members == nullptr || !members->is_array()) return Undefined{};
  const bool found = std::any_of(members->begin(), members->end(),
                                 [&](const Json& member) { return compare(left, from_json(member)) == 0; });
  return found == wanted;
}

Value arithmetic(Operator op, const Value& left, const Value& right) {
  const double* a = as<double>(left);
  const double* b = as<double>(right);
  if (a == nullptr || b == nullptr) return Undefined{};
  double result = 0;
  if (op == Operator::add) result = *a + *b;
  if (op == Operator::subtract) result = *a - *b;
  if (op == Operator::multiply) result = *a * *b;
  if (op == Operator::divide) result = *a / *b;
  if (op == Operator::remainder) result = std::fmod(*a, *b);
  return std::isfinite(result) ? Value(result) : Value(Undefined{});
}

Value evaluate_operation(const Operation& operation, const Row& row) {
  const auto operand = [&](std::size_t i) { return evaluate(*operation.operands[i], row); };
  const auto comparison = [&](auto holds) -> Value {
    const std::optional<int> order = compare(operand(0), operand(1));
    return order ? Value(holds(*order)) : Value(Undefined{});
  };
  switch (operation.op) {
    case Operator::logical_and:
      return logical_and(operation, row);
    case Operator::logical_or:
      return logical_or(operation, row);
    case Operator::logical_not: {
      const Value value = operand(0);
      const bool* boolean = as<bool>(value);
      return boolean == nullptr ? Value(Undefined{}) : Value(!*boolean);
    }
    case Operator::equal:
      return comparison([](int order) { return order == 0; });
    case Operator::not_equal:
      return comparison([](int order) { return order != 0; });
    case Operator::less:
      return comparison([](int order) { return order < 0; });
    case Operator::less_equal:
      return comparison([](int order) { return order <= 0; });
    case Operator::greater:
      return comparison([](int order) { return order > 0; });
    case Operator::greater_equal:
      return comparison([](int order) { return order >= 0; });
    case Operator::in:
      return membership(operand(0), operand(1), true);
    case Operator::not_in:
      return membership(operand(0), operand(1), false);
    case Operator::add:
    case Operator::subtract:
    case Operator::multiply:
    case Operator::divide:
    case Operator::remainder:
      return arithmetic(operation.op, operand(0), operand(1));
    case Operator::negate:
      return arithmetic(Operator::subtract, 0.0, operand(0));
  }
  return Undefined{};
}

}  // namespace

Value from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return Null{};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::object:
    case Json::value_t::array:
      return &json;
    case Json::value_t::binary:
    case Json::value_t::discarded:
      return Undefined{};
  }
  return Undefined{};
}

std::optional<Json> to_json(const Value& value) {
  struct Visitor {
    std::optional<Json> operator()(Undefined) const { return std::nullopt; }
    std::optional<Json> operator()(Null) const { return Json(nullptr); }
    std::optional<Json> operator()(bool boolean) const { return Json(boolean); }
    std::optional<Json> operator()(double number) const {
      const bool whole = number == std::floor(number) && std::fabs(number) < 9e15;
      return whole ? Json(static_cast<std::int64_t>(number)) : Json(number);
    }
    std::optional<Json> operator()(const std::string& text) const { return Json(text); }
    std::optional<Json> operator()(const Json* json) const { return *json; }
  };
  return std::visit(Visitor{}, value);
}

std::string Path::leaf() const {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (const std::string* name = std::get_if<std::string>(&*step)) return *name;
  }
  return {};
}

std::string Path::text() const {
  std::string out;
  for (const Step& step : steps) {
    if (const std::string* name = std::get_if<std::string>(&step)) {
      out += (out.empty() ? "" : ".") + *name;
    } else {
      out += "[" + std::to_string(std::get<std::size_t>(step)) + "]";
    }
  }
  return out;
}

const Json* find(const Json& tree, const Path& path, std::size_t first) {
  const Json* here = &tree;
  for (std::size_t i = first; i < path.steps.size(); ++i) {
    if (const std::string* name = std::get_if<std::string>(&path.steps[i])) {
      const auto member = here->is_object() ? here->find(*name) : here->end();
      if (!here->is_object() || member == here->end()) return nullptr;
      here = &*member;
    } else {
      const std::size_t index = std::get<std::size_t>(path.steps[i]);
      if (!here->is_array() || index >= here->size()) return nullptr;
      here = &(*here)[index];
    }
  }
  return here;
}

Value descend(const Json& tree, const Path& path, std::size_t first) {
  const Json* found = find(tree, path, first);
  return found == nullptr ? Value(Undefined{}) : from_json(*found);
}

Value evaluate(const Expression& expression, const Row& row) {
  struct Visitor {
    const Row& row;
    Value operator()(const Literal& literal) const {
      return literal.undefined ? Value(Undefined{}) : from_json(literal.json);
    }
    Value operator()(const Path& path) const { return row.resolve(path); }
    Value operator()(const Operation& operation) const { return evaluate_operation(operation, row); }
    Value operator()(const Call& call) const {
      std::vector<Value> arguments;
      arguments.reserve(call.arguments.size());
      for (const ExpressionPtr& argument : call.arguments) arguments.push_back(evaluate(*argument, row));
      return call.function(arguments);
    }
  };
  return std::visit(Visitor{row}, expression.node);
}

std::optional<int> compare(const Value& a, const Value& b) {
  if (a.index() != b.index()) return std::nullopt;
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (std::holds_alternative<Null>(a)) return 0;
  if (const bool* x = as<bool>(a)) return order(*x, std::get<bool>(b));
  if (const double* x = as<double>(a)) return order(*x, std::get<double>(b));
  if (const std::string* x = as<std::string>(a)) return order(*x, std::get<std::string>(b));
  return std::nullopt;  // undefined, arrays and objects do not compare
}

const FunctionRow* find_function(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const FunctionRow& row) { return text::equals_ignoring_case(row.name, name); });
  return found == std::end(kFunctions) ? nullptr : found;
}

}  // namespace iothub::hub::query
