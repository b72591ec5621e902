#pragma once
/// A row that is one JSON document.
#include "emulator/hub/query/expression.h"

namespace iothub::hub::query {

class JsonRow final : public Row {
 public:
  /// Borrows the document.
  explicit JsonRow(const Json& document) : document_(document) {}
  Value resolve(const Path& path) const override { return descend(document_, path, 0); }
  std::optional<Json> json(const Path& path) const override {
    const Json* found = find(document_, path, 0);
    return found == nullptr ? std::nullopt : std::optional<Json>(*found);
  }

 private:
  const Json& document_;
};

}  // namespace iothub::hub::query
