#pragma once
/// A JSON Schema (draft 7) that documents are held to, with messages for people: what is wrong first, and where.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/seed/located_document.h"

namespace iothub::seed {

class JsonSchema {
 public:
  /// `definition`: one of the text's definitions instead of its root. The text is ours: throws what the parser throws.
  explicit JsonSchema(std::string_view text, const char* definition = nullptr);
  JsonSchema(const JsonSchema&) = delete;
  JsonSchema& operator=(const JsonSchema&) = delete;
  ~JsonSchema();

  /// The first thing that the schema does not allow in `value`, which stands at `pointer` of the document; an unknown
  /// member comes with the nearest known one.
  std::optional<LocatedError> check(const Document& document, const hub::Json& value, const std::string& pointer) const;

 private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace iothub::seed
