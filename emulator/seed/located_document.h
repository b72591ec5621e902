#pragma once
/// A YAML or JSON text read into a JSON value that remembers where each part of it stood.
#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/json.h"

namespace iothub::seed {

/// A place in a text, from 1. Columns count bytes; in a JSON text with surrogate pairs those behind one may be off.
struct Mark {
  int line = 1;
  int column = 1;
};

/// The marks of a value and of what is in it, in the value's own order.
struct Marks {
  Mark key;  ///< of its name, where it is an object's member
  Mark value;
  std::vector<Marks> members;
};

/// What is wrong with a seed, and where.
struct LocatedError {
  std::string file;
  Mark mark;
  std::string pointer;  ///< JSON pointer, empty: the whole
  std::string what;

  /// `seed.yaml:3:7: /devices/0/status: it has to be ...`
  std::string text() const;
};

template <typename T = void>
using Result = boost::system::result<T, LocatedError>;

/// value() of a refused Result is a bug of ours: it throws std::logic_error.
[[noreturn]] void throw_exception_from_error(const LocatedError& error, const boost::source_location& where);

struct Document {
  std::string file;  ///< how messages name it
  hub::Json value;
  Marks marks;
  std::string place{};  ///< JSON pointer of the value in its file, where it is a part of it

  /// Of the member's name where the last step names one, so that an unknown one is underlined; else of the value. For a
  /// pointer into nothing the nearest place above it.
  Mark mark_of(std::string_view pointer) const;
  LocatedError error(std::string pointer, std::string what) const;
  /// What stands at the pointer, as a document of its own whose marks are those of this one; null for a pointer into
  /// nothing.
  Document part(std::string_view pointer) const;
};

/// `~` and `/` of a member's name escaped (RFC 6901).
std::string pointer_step(std::string_view name);

/// Deeper nesting is refused: the hub's own bound for JSON.
inline constexpr std::size_t kMaxDepth = 64;
/// What aliases may add to a document, in values: a bound against expansion bombs.
inline constexpr std::size_t kMaxAliasedValues = 100'000;

/// One YAML document (JSON is YAML), or JSON lines: several lines of one JSON object each, read as an array. Scalars by
/// YAML's core schema. Refuses a name that stands twice, values that JSON does not have (.nan), merge keys, foreign
/// tags, more than one document, and what is beyond the two limits.
Result<Document> read_document(std::string_view text, std::string file);

}  // namespace iothub::seed
