#pragma once
/// A twin as a row of FROM devices and FROM devices.modules. Documents are read and parsed only when a path asks for
/// them.
#include <optional>

#include "emulator/hub/links.h"
#include "emulator/hub/query/expression.h"
#include "emulator/hub/twin.h"
#include "storage/store.h"

namespace iothub::hub::query {

class TwinRow final : public Row {
 public:
  TwinRow(storage::Store& store, const Links& links, storage::IdentityRow identity)
      : store_(store), links_(links), identity_(std::move(identity)) {}

  Value resolve(const Path& path) const override;
  /// The row of SELECT *: the twin as GET shows it.
  Json document() const;
  const storage::IdentityRow& identity() const { return identity_; }

 private:
  const storage::TwinRow& stored() const;
  /// Parses a document once; `slot` keeps it.
  static const Json& parsed(std::optional<Json>& slot, const std::string& text);
  Value section(const Path& path, const std::string& values, const std::string& metadata, std::int64_t version,
                std::optional<Json>& values_slot, std::optional<Json>& metadata_slot) const;

  storage::Store& store_;
  const Links& links_;
  storage::IdentityRow identity_;
  mutable std::optional<storage::TwinRow> twin_;
  mutable std::optional<Json> tags_, desired_, desired_metadata_, reported_, reported_metadata_, rest_;
};

}  // namespace iothub::hub::query
