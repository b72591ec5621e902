#pragma once
/// How a query finds its rows: by the index that its condition allows, or one after the other. An index only narrows;
/// each row still meets the whole condition.
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emulator/hub/query/parser.h"
#include "storage/store.h"

namespace iothub::hub::query {

/// More members of an IN list than this are not looked up one by one.
inline constexpr std::size_t kMaxLookupValues = 64;
/// Where several lookups are possible, each is counted up to here, and the one with the fewest rows is taken.
inline constexpr std::int64_t kMaxCountedRows = 500;

/// A part of a condition, ANDed with the rest, that says `path = literal` or `path IN [literals]`.
struct Lookup {
  enum class By { device_id, module_id, job_id, tag };
  By by;
  std::vector<storage::TagValue> values;  ///< sorted, none twice; ids are texts under an empty name
};

/// Every lookup that the condition allows over this source. Names the hub's own ids by device, module and job; tags by
/// the last name of their path.
std::vector<Lookup> lookups(const Expression& condition, Source source);

/// How far a scan of identities has come: behind this row. Rows come by device id, the modules of one device as they
/// were made (recorded).
struct Place {
  std::string device_id;
  std::int64_t created = 0;  ///< in ticks
  std::string module_id;

  auto operator<=>(const Place&) const = default;
};

Place place_of(const storage::IdentityRow& row);

/// A scan of identities.
class Scan {
 public:
  /// Chooses. A null condition: all identities of the kind.
  Scan(storage::Store& store, Source source, const Expression* condition);

  struct Batch {
    std::vector<storage::IdentityRow> rows;
    Place last;  ///< the next batch begins after it
    bool end = false;
  };
  /// About `limit` (at least 1) rows behind the place; of modules either the rest of the device that the place is in,
  /// or as many more as the last device has.
  Batch next(const Place& after, std::int64_t limit);
  bool is_indexed() const { return lookup_.has_value(); }

 private:
  /// As the store gives them.
  struct Found {
    std::vector<storage::IdentityRow> rows;
    storage::IdentityKey last;  ///< also of what is gone
    bool end = false;
  };
  Found find(const storage::IdentityKey& after, std::int64_t limit);
  std::vector<storage::IdentityRow> modules_of(const std::string& device_id);
  std::vector<storage::IdentityKey> keys_of(const storage::TagValue& value, Lookup::By by,
                                            const storage::IdentityKey& after, std::int64_t limit);

  storage::Store& store_;
  storage::Store::Kind kind_;
  std::optional<Lookup> lookup_;
};

/// A scan of the rows of FROM devices.jobs, by the ids of their documents.
class DeviceJobScan {
 public:
  DeviceJobScan(storage::Store& store, const Expression* condition);

  struct Batch {
    std::vector<storage::Store::Document> rows;
    bool end = false;
  };
  Batch next(const std::string& after, std::int64_t limit);

 private:
  storage::Store& store_;
  std::optional<Lookup> lookup_;
};

}  // namespace iothub::hub::query
