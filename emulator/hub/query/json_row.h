#pragma once
/// A row that is one JSON document.
#include "emulator/hub/query/expression.h"

namespace iothub::hub::query {

class JsonRow final : public Row {
 public:
  /// Borrows the document.
  explicit JsonRow(const Json& document) : document_(document) {}
  Value resolve(const Path& path) const override { return descend(document_, path, 0); }

 private:
  const Json& document_;
};

}  // namespace iothub::hub::query
