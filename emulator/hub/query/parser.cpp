#include "emulator/hub/query/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "emulator/hub/query/names.h"
#include "protocol/text/ascii.h"

namespace iothub::hub::query {
namespace {

/// Root members of a row, in the spelling in which they are answered; a query may write them in any case.
constexpr std::string_view kRootNames[] = {"deviceId",
                                           "moduleId",
                                           "etag",
                                           "deviceEtag",
                                           "status",
                                           "statusReason",
                                           "statusUpdateTime",
                                           "version",
                                           "connectionState",
                                           "lastActivityTime",
                                           "cloudToDeviceMessageCount",
                                           "authenticationType",
                                           "x509Thumbprint",
                                           "modelId",
                                           "tags",
                                           "properties",
                                           "capabilities",
                                           "configurations",
                                           "deviceScope",
                                           "parentScopes",
                                           "jobId",
                                           "jobType",
                                           "startTimeUtc",
                                           "endTimeUtc",
                                           "createdDateTimeUtc",
                                           "lastUpdatedDateTimeUtc",
                                           "outcome",
                                           "error"};

struct Token {
  enum class Kind { end, name, quoted_name, number, text, symbol };
  Kind kind = Kind::end;
  std::string value;  ///< name, text, or symbol
  double number = 0;
  bool whole = false;
  std::size_t position = 0;
};

struct SyntaxError {
  std::size_t position;
  std::string expected;
};

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F)), put(0x80 | ((code >> 6) & 0x3F)),
        put(0x80 | (code & 0x3F));
  }
}

/// Splits the text into tokens; throws SyntaxError, which the parse functions below turn into a refusal.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
    } while (tokens.back().kind != Token::Kind::end);
    return tokens;
  }

 private:
  char at(std::size_t ahead = 0) const { return here_ + ahead < text_.size() ? text_[here_ + ahead] : '\0'; }

  void skip_space_and_comments() {
    for (;;) {
      while (here_ < text_.size() && std::string_view(" \t\r\n").find(text_[here_]) != std::string_view::npos) ++here_;
      if (at() != '/' || at(1) != '*') return;
      const std::size_t end = text_.find("*/", here_ + 2);
      if (end == std::string_view::npos) throw SyntaxError{here_, "the end of the comment"};
      here_ = end + 2;
    }
  }

  Token next() {
    skip_space_and_comments();
    Token token;
    token.position = here_;
    if (here_ >= text_.size()) return token;
    const char c = at();
    if (c == '\'' || c == '"') return quoted(token, c);
    if (c == '[' && at(1) == '[') return bracketed(token);
    if (text::is_digit(c) || (c == '.' && text::is_digit(at(1)))) return number(token);
    if (starts_name(c)) {
      const std::size_t start = here_;
      while (here_ < text_.size() && continues_name(text_[here_])) ++here_;
      token.kind = Token::Kind::name;
      token.value = text_.substr(start, here_ - start);
      return token;
    }
    token.kind = Token::Kind::symbol;
    for (const std::string_view two : {"!=", "<>", "<=", ">="}) {
      if (text_.substr(here_, 2) == two) {
        token.value = two;
        here_ += 2;
        return token;
      }
    }
    if (std::string_view("=<>+-*/%(),.[]").find(c) == std::string_view::npos)
      throw SyntaxError{here_, "a query's character"};
    token.value = c;
    ++here_;
    return token;
  }

  Token quoted(Token token, char quote) {
    token.kind = Token::Kind::text;
    ++here_;
    for (;;) {
      if (here_ >= text_.size()) throw SyntaxError{token.position, "the end of the string"};
      const char c = text_[here_++];
      if (c == quote) {
        if (at() != quote) return token;
        ++here_;  // a doubled quote stands for one
      }
      if (c == '\\') {
        escape(token);
      } else {
        token.value += c;
      }
    }
  }

  void escape(Token& token) {
    const char c = at();
    ++here_;
    constexpr std::string_view kLetters = "nrtbf";
    constexpr std::string_view kMeanings = "\n\r\t\b\f";
    if (c == '\'' || c == '"' || c == '\\' || c == '/') {
      token.value += c;
    } else if (const std::size_t letter = kLetters.find(c); c != '\0' && letter != std::string_view::npos) {
      token.value += kMeanings[letter];
    } else if (c == 'u') {
      unsigned code = hex4();
      if (code >= 0xD800 && code < 0xDC00 && at() == '\\' && at(1) == 'u') {
        here_ += 2;
        const unsigned low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) throw SyntaxError{here_, "the second half of a surrogate pair"};
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xD800 && code <= 0xDFFF) {
        throw SyntaxError{here_, "a pair of surrogates"};
      }
      append_utf8(token.value, code);
    } else {
      throw SyntaxError{here_ - 1, "an escape the language knows"};
    }
  }

  unsigned hex4() {
    unsigned code = 0;
    const std::string_view digits = text_.substr(std::min(here_, text_.size()), 4);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc{} || stop != digits.data() + 4)
      throw SyntaxError{here_, "four hex digits"};
    here_ += 4;
    return code;
  }

  Token bracketed(Token token) {
    const std::size_t end = text_.find("]]", here_ + 2);
    if (end == std::string_view::npos) throw SyntaxError{here_, "]]"};
    token.kind = Token::Kind::quoted_name;
    token.value = text_.substr(here_ + 2, end - here_ - 2);
    if (token.value.empty()) throw SyntaxError{here_ + 2, "a name"};
    here_ = end + 2;
    return token;
  }

  Token number(Token token) {
    token.kind = Token::Kind::number;
    const char* start = text_.data() + here_;
    const char* end = text_.data() + text_.size();
    const char* stop = nullptr;
    if (at() == '0' && (at(1) == 'x' || at(1) == 'X')) {
      std::uint64_t value = 0;
      const auto [after, error] = std::from_chars(start + 2, end, value, 16);
      if (error != std::errc{}) throw SyntaxError{here_, "hex digits"};
      token.number = static_cast<double>(value);
      stop = after;
    } else {
      const auto [after, error] = std::from_chars(start, end, token.number);
      if (error != std::errc{}) throw SyntaxError{here_, "a number"};
      stop = after;
    }
    here_ += static_cast<std::size_t>(stop - start);
    if (continues_name(at()) && at() != '-') throw SyntaxError{here_, "the end of the number"};
    token.whole = token.number == std::floor(token.number) && std::fabs(token.number) < 9e15;
    return token;
  }

  std::string_view text_;
  std::size_t here_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(Lexer(text).run()) {}

  Query query() {
    Query query;
    expect_word("SELECT");
    if (take_word("TOP")) query.top = whole_number();
    refuse_modifier("DISTINCT");
    refuse_modifier("VALUE");
    if (take_symbol("*")) {
      if (take_symbol(",")) fail("FROM");
    } else {
      do {
        query.items.push_back(select_item());
      } while (take_symbol(","));
    }
    expect_word("FROM");
    query.source = source();
    if (take_word("WHERE")) query.where = expression();
    if (take_word("GROUP")) {
      expect_word("BY");
      do {
        query.group_by.push_back(path());
      } while (take_symbol(","));
    }
    expect_end();
    check(query);
    return query;
  }

  ExpressionPtr condition() {
    ExpressionPtr parsed = expression();
    expect_end();
    return parsed;
  }

 private:
  const Token& token() const { return tokens_[here_]; }
  [[noreturn]] void fail(std::string expected) const { throw SyntaxError{token().position, std::move(expected)}; }

  bool at_word(std::string_view word) const {
    return token().kind == Token::Kind::name && text::equals_ignoring_case(token().value, word);
  }
  bool take_word(std::string_view word) {
    if (!at_word(word)) return false;
    ++here_;
    return true;
  }
  void expect_word(std::string_view word) {
    if (!take_word(word)) fail(std::string(word));
  }
  bool at_symbol(std::string_view symbol) const {
    return token().kind == Token::Kind::symbol && token().value == symbol;
  }
  bool take_symbol(std::string_view symbol) {
    if (!at_symbol(symbol)) return false;
    ++here_;
    return true;
  }
  void expect_symbol(std::string_view symbol) {
    if (!take_symbol(symbol)) fail("'" + std::string(symbol) + "'");
  }
  void expect_end() const {
    if (token().kind != Token::Kind::end) fail("the end of the query");
  }

  std::int64_t whole_number() {
    if (token().kind != Token::Kind::number || !token().whole || token().number < 1) fail("a whole number from 1");
    return static_cast<std::int64_t>(tokens_[here_++].number);
  }

  Source source() {
    expect_word("devices");
    if (!take_symbol(".")) return Source::devices;
    if (take_word("modules")) return Source::modules;
    if (take_word("jobs")) return Source::jobs;
    fail("devices.modules or devices.jobs");
  }

  /// Other dialects' `SELECT DISTINCT x` would read as the member DISTINCT with the alias x.
  void refuse_modifier(std::string_view word) const {
    if (!at_word(word)) return;
    const Token& next = tokens_[here_ + 1];
    const bool name =
        next.kind == Token::Kind::quoted_name || (next.kind == Token::Kind::name && !is_reserved(next.value));
    if (name) fail("a list of members: the language has no " + std::string(word));
  }

  SelectItem select_item() {
    SelectItem item;
    item.aggregate = aggregate_ahead();
    if (item.aggregate != Aggregate::none) {
      here_ += 2;  // the name and the parenthesis
      if (!take_symbol("*") && !at_symbol(")")) item.path = path();
      if (item.path.steps.empty() && item.aggregate != Aggregate::count) fail("a path");
      expect_symbol(")");
      item.name = "$" + std::to_string(++unnamed_);
    } else {
      item.path = path();
      item.name = item.path.leaf();
    }
    const bool as = take_word("AS");
    const bool alias =
        token().kind == Token::Kind::quoted_name || (token().kind == Token::Kind::name && !is_reserved(token().value));
    if (alias) {
      item.name = tokens_[here_++].value;
      if (item.aggregate != Aggregate::none) --unnamed_;
    } else if (as) {
      fail("an alias");
    }
    return item;
  }

  Aggregate aggregate_ahead() const {
    if (token().kind != Token::Kind::name || tokens_[here_ + 1].kind != Token::Kind::symbol ||
        tokens_[here_ + 1].value != "(") {
      return Aggregate::none;
    }
    struct Row {
      std::string_view name;
      Aggregate aggregate;
    };
    static constexpr Row kRows[] = {{"COUNT", Aggregate::count},
                                    {"AVG", Aggregate::avg},
                                    {"SUM", Aggregate::sum},
                                    {"MIN", Aggregate::min},
                                    {"MAX", Aggregate::max}};
    for (const Row& row : kRows) {
      if (text::equals_ignoring_case(row.name, token().value)) return row.aggregate;
    }
    fail("COUNT, AVG, SUM, MIN or MAX");
  }

  Path path() {
    Path path;
    do {
      const bool plain = token().kind == Token::Kind::name && (!path.steps.empty() || !is_reserved(token().value));
      if (!plain && token().kind != Token::Kind::quoted_name) fail("a name");
      // SELECT, FROM, GROUP, ... need [[ ]] wherever they stand in a path (azure-docs #17106).
      if (plain && is_reserved(token().value)) fail("a name ([[" + token().value + "]] for a reserved word)");
      path.steps.emplace_back(tokens_[here_++].value);
      while (take_symbol("[")) {
        if (token().kind != Token::Kind::number || !token().whole) fail("an index");
        path.steps.emplace_back(static_cast<std::size_t>(tokens_[here_++].number));
        expect_symbol("]");
      }
    } while (take_symbol("."));
    strip_source_prefix(path);
    canonicalize_root(path);
    return path;
  }

  static bool is_name(const Path& path, std::size_t step, std::string_view name) {
    if (step >= path.steps.size()) return false;
    const std::string* text = std::get_if<std::string>(&path.steps[step]);
    return text != nullptr && text::equals_ignoring_case(*text, name);
  }

  static void strip_source_prefix(Path& path) {
    if (path.steps.size() < 2 || !is_name(path, 0, "devices")) return;
    const bool two = path.steps.size() > 2 && (is_name(path, 1, "modules") || is_name(path, 1, "jobs"));
    path.steps.erase(path.steps.begin(), path.steps.begin() + (two ? 2 : 1));
  }

  static void canonicalize_root(Path& path) {
    for (const std::string_view name : kRootNames) {
      if (is_name(path, 0, name)) path.steps[0] = std::string(name);
    }
    if (is_name(path, 0, "properties")) {
      for (const std::string_view name : {"desired", "reported"}) {
        if (is_name(path, 1, name)) path.steps[1] = std::string(name);
      }
    }
    if (is_name(path, 0, "createdTimeUtc"))
      path.steps[0] = std::string("createdDateTimeUtc");  // the documentation's spelling
  }

  // ---- expressions, loosest first ----------------------------------------------------------------------------------

  struct Nesting {
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxNesting) parser_.fail("an expression that nests less");
    }
    ~Nesting() { --parser_.depth_; }
    Parser& parser_;
  };

  /// One level above its operands: `1+1+1+...` nests without any parenthesis.
  int height_over(const std::vector<ExpressionPtr>& operands) const {
    int height = 0;
    for (const ExpressionPtr& operand : operands) height = std::max(height, operand->height);
    if (height >= kMaxNesting) fail("an expression that nests less");
    return height + 1;
  }
  ExpressionPtr make(Operator op, std::vector<ExpressionPtr> operands) const {
    const int height = height_over(operands);
    return std::make_unique<Expression>(Expression{Operation{op, std::move(operands)}, height});
  }
  ExpressionPtr make(Operator op, ExpressionPtr left, ExpressionPtr right) const {
    std::vector<ExpressionPtr> operands;
    operands.push_back(std::move(left));
    operands.push_back(std::move(right));
    return make(op, std::move(operands));
  }

  ExpressionPtr expression() {
    const Nesting nesting(*this);
    return chain(Operator::logical_or, "OR", &Parser::conjunction);
  }
  ExpressionPtr conjunction() { return chain(Operator::logical_and, "AND", &Parser::negation); }

  ExpressionPtr chain(Operator op, std::string_view word, ExpressionPtr (Parser::*operand)()) {
    ExpressionPtr first = (this->*operand)();
    if (!at_word(word)) return first;
    std::vector<ExpressionPtr> operands;
    operands.push_back(std::move(first));
    while (take_word(word)) operands.push_back((this->*operand)());
    return make(op, std::move(operands));
  }

  ExpressionPtr negation() {
    if (!take_word("NOT")) return comparison();
    const Nesting nesting(*this);
    std::vector<ExpressionPtr> operand;
    operand.push_back(negation());
    return make(Operator::logical_not, std::move(operand));
  }

  ExpressionPtr comparison() {
    struct Row {
      std::string_view symbol;
      Operator op;
    };
    static constexpr Row kRows[] = {{"=", Operator::equal},         {"!=", Operator::not_equal},
                                    {"<>", Operator::not_equal},    {"<", Operator::less},
                                    {"<=", Operator::less_equal},   {">", Operator::greater},
                                    {">=", Operator::greater_equal}};
    ExpressionPtr left = sum();
    for (const Row& row : kRows) {
      if (take_symbol(row.symbol)) return make(row.op, std::move(left), sum());
    }
    if (take_word("IN")) return make(Operator::in, std::move(left), list());
    if (take_word("NIN")) return make(Operator::not_in, std::move(left), list());
    return left;
  }

  ExpressionPtr sum() {
    ExpressionPtr left = product();
    for (;;) {
      if (take_symbol("+")) {
        left = make(Operator::add, std::move(left), product());
      } else if (take_symbol("-")) {
        left = make(Operator::subtract, std::move(left), product());
      } else {
        return left;
      }
    }
  }

  ExpressionPtr product() {
    ExpressionPtr left = unary();
    for (;;) {
      if (take_symbol("*")) {
        left = make(Operator::multiply, std::move(left), unary());
      } else if (take_symbol("/")) {
        left = make(Operator::divide, std::move(left), unary());
      } else if (take_symbol("%")) {
        left = make(Operator::remainder, std::move(left), unary());
      } else {
        return left;
      }
    }
  }

  ExpressionPtr unary() {
    const Nesting nesting(*this);
    if (take_symbol("+")) return unary();
    if (!take_symbol("-")) return primary();
    std::vector<ExpressionPtr> operand;
    operand.push_back(unary());
    return make(Operator::negate, std::move(operand));
  }

  ExpressionPtr primary() {
    if (take_symbol("(")) {
      ExpressionPtr inner = expression();
      expect_symbol(")");
      return inner;
    }
    if (at_symbol("[")) return list();
    const bool word = token().kind == Token::Kind::name;
    if (word && tokens_[here_ + 1].kind == Token::Kind::symbol && tokens_[here_ + 1].value == "(") return call();
    if (std::optional<Literal> literal = constant())
      return std::make_unique<Expression>(Expression{std::move(*literal)});
    if (word || token().kind == Token::Kind::quoted_name) return std::make_unique<Expression>(Expression{path()});
    fail("a value");
  }

  /// A constant, or nothing (and nothing taken).
  std::optional<Literal> constant() {
    if (token().kind == Token::Kind::text) return Literal{Json(tokens_[here_++].value)};
    if (token().kind == Token::Kind::number) {
      const Token& number = tokens_[here_++];
      return Literal{number.whole ? Json(static_cast<std::int64_t>(number.number)) : Json(number.number)};
    }
    if (take_word("true")) return Literal{Json(true)};
    if (take_word("false")) return Literal{Json(false)};
    if (take_word("null")) return Literal{Json(nullptr)};
    if (take_word("undefined")) return Literal{Json(), true};
    return std::nullopt;
  }

  /// `[1, 'a']`, and `(1, 'a')` after IN.
  ExpressionPtr list() {
    const bool round = at_symbol("(");
    if (!take_symbol("[") && !take_symbol("(")) fail("[");
    const std::string_view end = round ? ")" : "]";
    Json members = Json::array();
    if (!at_symbol(end)) {
      do {
        const bool negative = take_symbol("-");
        if (negative && token().kind != Token::Kind::number) fail("a constant");
        std::optional<Literal> member = constant();
        if (!member) fail("a constant");
        if (negative)
          member->json = member->json.is_number_integer() ? Json(-member->json.get<std::int64_t>())
                                                          : Json(-member->json.get<double>());
        if (!member->undefined) members.push_back(std::move(member->json));
      } while (take_symbol(","));
    }
    expect_symbol(end);
    return std::make_unique<Expression>(Expression{Literal{std::move(members)}});
  }

  ExpressionPtr call() {
    const Nesting nesting(*this);
    const FunctionRow* function = find_function(token().value);
    if (function == nullptr) fail("a function the language knows");
    const std::size_t position = here_;
    here_ += 2;
    Call call{std::string(function->name), function->function, {}};
    if (!at_symbol(")")) {
      do {
        call.arguments.push_back(expression());
      } while (take_symbol(","));
    }
    expect_symbol(")");
    if (call.arguments.size() < function->min_arguments || call.arguments.size() > function->max_arguments) {
      here_ = position;
      fail("another number of arguments to " + call.name);
    }
    const int height = height_over(call.arguments);
    return std::make_unique<Expression>(Expression{std::move(call), height});
  }

  void check(const Query& query) const {
    if (query.source == Source::jobs && (!query.items.empty() || !query.group_by.empty())) {
      fail("SELECT * FROM devices.jobs: jobs have no projections");
    }
    if (!query.group_by.empty() && query.items.empty()) fail("a list of members instead of * with GROUP BY");
    if (!query.group_by.empty() || query.aggregates()) {
      for (const SelectItem& item : query.items) {
        const bool grouped = std::find(query.group_by.begin(), query.group_by.end(), item.path) != query.group_by.end();
        if (item.aggregate == Aggregate::none && !grouped) fail("'" + item.path.text() + "' in GROUP BY");
      }
    }
  }

  std::vector<Token> tokens_;
  std::size_t here_ = 0;
  int depth_ = 0;
  int unnamed_ = 0;
};

template <typename T, typename F>
Result<T> parse(std::string_view text, F run) {
  // Continuation bytes of UTF-8 do not count.
  const auto length = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (static_cast<std::size_t>(length) > kMaxQueryLength)
    return bad_request("the query is longer than 8192 characters");
  try {
    Parser parser(text);
    return run(parser);
  } catch (const SyntaxError& error) {
    return bad_request("the query is wrong at position " + std::to_string(error.position) + ": expected " +
                       error.expected);
  }
}

}  // namespace

bool Query::aggregates() const {
  return std::any_of(items.begin(), items.end(),
                     [](const SelectItem& item) { return item.aggregate != Aggregate::none; });
}

Result<Query> parse_query(std::string_view text) {
  return parse<Query>(text, [](Parser& parser) { return parser.query(); });
}

Result<ExpressionPtr> parse_condition(std::string_view text) {
  return parse<ExpressionPtr>(text, [](Parser& parser) { return parser.condition(); });
}

}  // namespace iothub::hub::query
