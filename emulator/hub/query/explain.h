#pragma once
/// Says of a condition what each of its parts came to.
#include <string>

#include "emulator/hub/query/expression.h"

namespace iothub::hub::query {

/// The expression as one would write it: `level = 'hot' AND $body.temperature > 70`.
std::string text_of(const Expression& expression);

/// `{"clause","type","value","operands"}`: the part's text, what it came to (`undefined`, `null`, `boolean`, `number`,
/// `string`, `array` or `object`), the value unless it is undefined, and its parts where it has any but constants.
/// Every part is evaluated, also those that could not change the result any more.
Json explain(const Expression& expression, const Row& row);

}  // namespace iothub::hub::query
