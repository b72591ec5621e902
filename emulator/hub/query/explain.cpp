#include "emulator/hub/query/explain.h"

#include <algorithm>

#include "emulator/hub/query/names.h"
#include "protocol/text/ascii.h"

namespace iothub::hub::query {
namespace {

struct Symbol {
  Operator op;
  const char* text;
};
constexpr Symbol kSymbols[] = {
    {Operator::logical_and, "AND"}, {Operator::logical_or, "OR"}, {Operator::logical_not, "NOT"},
    {Operator::equal, "="},         {Operator::not_equal, "!="},  {Operator::less, "<"},
    {Operator::less_equal, "<="},   {Operator::greater, ">"},     {Operator::greater_equal, ">="},
    {Operator::in, "IN"},           {Operator::not_in, "NIN"},    {Operator::add, "+"},
    {Operator::subtract, "-"},      {Operator::multiply, "*"},    {Operator::divide, "/"},
    {Operator::remainder, "%"},     {Operator::negate, "-"},
};

const char* symbol_of(Operator op) {
  const auto* found =
      std::find_if(std::begin(kSymbols), std::end(kSymbols), [op](const Symbol& symbol) { return symbol.op == op; });
  return found->text;
}

std::string literal_text(const Json& json) {
  if (json.is_string()) {
    std::string quoted = "'";
    for (const char c : json.get_ref<const std::string&>())
      quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return quoted + "'";
  }
  if (!json.is_array()) return dump(json);
  std::string list;
  for (const Json& member : json) list += (list.empty() ? "" : ", ") + literal_text(member);
  return "[" + list + "]";
}

/// Of more than one step the first would be read as the source if it were called `devices`.
bool looks_like_source(const Path& path) {
  const std::string* first = path.steps.size() < 2 ? nullptr : std::get_if<std::string>(&path.steps.front());
  return first != nullptr && text::equals_ignoring_case(*first, "devices");
}

std::string path_text(const Path& path) {
  std::string text = looks_like_source(path) ? "devices" : "";
  for (const Path::Step& step : path.steps) {
    if (const std::string* name = std::get_if<std::string>(&step)) {
      text += (text.empty() ? "" : ".") + (is_plain_name(*name) ? *name : "[[" + *name + "]]");
    } else {
      text += "[" + std::to_string(std::get<std::size_t>(step)) + "]";
    }
  }
  return text;
}

bool is_logical(Operator op) {
  return op == Operator::logical_and || op == Operator::logical_or || op == Operator::logical_not;
}

/// In parentheses where it would be read differently without: an operation inside another, but for comparisons under
/// AND, OR and NOT, and for a sign, which binds tighter than all: signs before signs would nest twice as deep as what
/// was read.
std::string operand_text(const Expression& operand, Operator inside) {
  const auto* operation = std::get_if<Operation>(&operand.node);
  const bool stands_alone =
      operation == nullptr || (is_logical(inside) && !is_logical(operation->op)) || operation->op == Operator::negate;
  return stands_alone ? text_of(operand) : "(" + text_of(operand) + ")";
}

std::string join(const std::vector<ExpressionPtr>& parts, const std::string& between, auto text) {
  std::string joined;
  for (const ExpressionPtr& part : parts) joined += (joined.empty() ? "" : between) + text(*part);
  return joined;
}

const std::vector<ExpressionPtr>* parts_of(const Expression& expression) {
  if (const auto* operation = std::get_if<Operation>(&expression.node)) return &operation->operands;
  if (const auto* call = std::get_if<Call>(&expression.node)) return &call->arguments;
  return nullptr;
}

}  // namespace

std::string text_of(const Expression& expression) {
  struct Visitor {
    std::string operator()(const Literal& literal) const {
      return literal.undefined ? "undefined" : literal_text(literal.json);
    }
    std::string operator()(const Path& path) const { return path_text(path); }
    std::string operator()(const Operation& operation) const {
      const std::string symbol = symbol_of(operation.op);
      const auto text = [&](const Expression& operand) { return operand_text(operand, operation.op); };
      if (operation.operands.size() > 1) return join(operation.operands, " " + symbol + " ", text);
      return symbol + (operation.op == Operator::logical_not ? " " : "") + text(*operation.operands.front());
    }
    std::string operator()(const Call& call) const {
      return call.name + "(" + join(call.arguments, ", ", text_of) + ")";
    }
  };
  return std::visit(Visitor{}, expression.node);
}

Json explain(const Expression& expression, const Row& row) {
  Json node = {{"clause", text_of(expression)}};
  const std::optional<Json> value = to_json(evaluate(expression, row));
  node["type"] = value ? value->type_name() : "undefined";
  if (value) node["value"] = *value;
  if (const std::vector<ExpressionPtr>* parts = parts_of(expression)) {
    Json operands = Json::array();
    for (const ExpressionPtr& part : *parts) {
      if (!std::holds_alternative<Literal>(part->node)) operands.push_back(explain(*part, row));
    }
    if (!operands.empty()) node["operands"] = std::move(operands);
  }
  return node;
}

}  // namespace iothub::hub::query
