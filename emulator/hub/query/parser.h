#pragma once
/// Reads queries over twins, modules and jobs, and bare conditions (documentation: IoT Hub query language).
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/query/expression.h"

namespace iothub::hub::query {

inline constexpr std::size_t kMaxQueryLength = 8192;  // characters, documented
inline constexpr int kMaxNesting =
    100;  // a guard of ours, for parentheses and for operators that stand one upon another

enum class Source { devices, modules, jobs };

enum class Aggregate { none, count, avg, sum, min, max };

struct SelectItem {
  Aggregate aggregate = Aggregate::none;
  Path path;         ///< empty for COUNT()
  std::string name;  ///< the alias, else the path's leaf, else `$1`, `$2`, ... for unnamed aggregates
};

struct Query {
  Source source = Source::devices;
  std::optional<std::int64_t> top;
  std::vector<SelectItem> items;  ///< empty: SELECT *
  ExpressionPtr where;            ///< null: every row
  std::vector<Path> group_by;

  bool aggregates() const;
};

/// Refuses with 400004 `BadRequest`; the reason holds the position and what was expected there.
Result<Query> parse_query(std::string_view text);

/// A condition alone, as jobs' queryCondition and configurations' targetCondition are written.
Result<ExpressionPtr> parse_condition(std::string_view text);

}  // namespace iothub::hub::query
