#pragma once
/// Expressions of the query language (documentation: IoT Hub query language; message routing query syntax).
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emulator/hub/query/value.h"

namespace iothub::hub::query {

/// `properties.reported.[[a b]].c[2]`: names and array indexes.
struct Path {
  using Step = std::variant<std::string, std::size_t>;
  std::vector<Step> steps;
  /// The last name: what a projection without alias is called.
  std::string leaf() const;
  std::string text() const;
  bool operator==(const Path&) const = default;
};

/// What an expression is evaluated over.
class Row {
 public:
  virtual ~Row() = default;
  /// Undefined where the path leads nowhere. Borrowed values live as long as the row.
  virtual Value resolve(const Path& path) const = 0;
  /// What a projection shows; nothing for undefined. Rows of JSON answer the number as it is written (`1.0`).
  virtual std::optional<Json> json(const Path& path) const { return to_json(resolve(path)); }
};

/// Follows the steps from `first` on into a JSON tree; null where they lead nowhere.
const Json* find(const Json& tree, const Path& path, std::size_t first);
/// The value found there, or undefined.
Value descend(const Json& tree, const Path& path, std::size_t first);

enum class Operator {
  logical_and,
  logical_or,
  logical_not,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  add,
  subtract,
  multiply,
  divide,
  remainder,
  negate
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Literal {
  Json json;  ///< an array literal holds its constants
  bool undefined = false;
};
struct Operation {
  Operator op;
  std::vector<ExpressionPtr> operands;
};
using Function = Value (*)(const std::vector<Value>& arguments);
struct Call {
  std::string name;  ///< upper case, for messages
  Function function;
  std::vector<ExpressionPtr> arguments;
};

struct Expression {
  std::variant<Literal, Path, Operation, Call> node;
  int height = 1;  ///< levels of operations and calls; the parser bounds it, and with it what evaluate() needs of stack
};

/// Three-valued: what cannot be computed is undefined, and only true keeps a row.
Value evaluate(const Expression& expression, const Row& row);

/// Total order within one primitive type; nothing across types. Used by comparison operators, MIN and MAX.
std::optional<int> compare(const Value& a, const Value& b);

struct FunctionRow {
  std::string_view name;  ///< upper case
  std::size_t min_arguments;
  std::size_t max_arguments;
  Function function;
};
/// Null when there is no such function; the name may be in any case.
const FunctionRow* find_function(std::string_view name);

}  // namespace iothub::hub::query
