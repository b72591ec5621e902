#include "emulator/seed/seed_schema.h"

#include "emulator/seed/json_schema.h"

namespace iothub::seed {

std::optional<LocatedError> check_against_schema(const Document& document, Form form) {
  if (form == Form::seed) return JsonSchema(schema_text()).check(document, document.value, {});
  const JsonSchema exported(schema_text(), "exported");
  for (std::size_t i = 0; i < document.value.size(); ++i) {
    if (auto wrong = exported.check(document, document.value[i], "/" + std::to_string(i))) return wrong;
  }
  return std::nullopt;
}

}  // namespace iothub::seed
