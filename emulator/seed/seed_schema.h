#pragma once
/// schemas/seed.schema.json, which is part of the program, and the check of a document against it.
#include <optional>
#include <string_view>

#include "emulator/seed/located_document.h"

namespace iothub::seed {

/// The schema's text.
std::string_view schema_text();

enum class Form {
  seed,      ///< the schema's root
  exported,  ///< an array of devices and modules as real hubs give them
};

/// The first thing in the document that the schema does not allow; an unknown member comes with the nearest known one.
std::optional<LocatedError> check_against_schema(const Document& document, Form form);

}  // namespace iothub::seed
