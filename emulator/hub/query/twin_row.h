#pragma once
/// A twin as a row of FROM devices and FROM devices.modules. Documents are read and parsed only when a path asks for
/// them.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

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
  std::optional<Json> json(const Path& path) const override;
  /// The row of SELECT *: the twin as GET shows it.
  Json document() const;
  const storage::IdentityRow& identity() const { return identity_; }
  /// Bytes of JSON text parsed so far for this row: what the row has cost.
  std::size_t parsed_bytes() const { return parsed_bytes_; }

 private:
  struct Member;
  static const Member kMembers[];

  const storage::TwinRow& stored() const;
  LinkState link() const;
  std::int64_t c2d_message_count() const;
  /// Parses a document once; `slot` keeps it.
  const Json& parsed(std::optional<Json>& slot, const std::string& text) const;
  /// The whole document, kept.
  const Json& whole() const;
  /// A member that stands in a column of its own, when the path is one.
  std::optional<Value> member(const Path& path) const;
  /// Where any other path leads; null for nowhere.
  const Json* located(const Path& path) const;

  storage::Store& store_;
  const Links& links_;
  storage::IdentityRow identity_;
  mutable std::size_t parsed_bytes_ = 0;
  mutable std::optional<storage::TwinRow> twin_;
  mutable std::optional<Json> tags_, desired_, desired_metadata_, reported_, reported_metadata_, configurations_,
      parent_scopes_, whole_;
};

}  // namespace iothub::hub::query
