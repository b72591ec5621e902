#pragma once
/// POST /devices/query: runs a query in slices and answers it in pages (rest.md 7.2).
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/links.h"
#include "emulator/hub/query/parser.h"
#include "emulator/hub/query/plan.h"
#include "emulator/hub/slice.h"
#include "storage/store.h"

namespace iothub::hub::query {

class TwinRow;

inline constexpr std::int64_t kDefaultPageSize = 100;  // the C# SDK's; the service's own is not documented
inline constexpr std::int64_t kMaxPageSize = 1000;     // SDK documentation
/// A page ends early once its items hold this much JSON text; the rest follows by continuation.
inline constexpr std::size_t kMaxPageBytes = 4 * 1024 * 1024;

/// The kind of the documents in which jobs keep one row a device.
inline constexpr std::string_view kDeviceJobDocuments = "deviceJob";

struct Page {
  std::string items;  ///< `count` of them with commas between, each written in the slice that found it
  std::int64_t count = 0;
  std::string item_type;                    ///< Twin, Raw or DeviceJob: the C# SDK compares case
  std::optional<std::string> continuation;  ///< absent on the last page

  /// The items so far, as JSON.
  std::string array() const { return "[" + items + "]"; }
};

/// One request's work. Call step() until it says it is done.
class Run {
 public:
  Run(storage::Store& store, const Links& links, Query query, std::int64_t page_size, std::uint64_t fingerprint);

  /// Looks at up to `rows` (at least 1) more rows; true when the page is complete. The page does not depend on the
  /// slices.
  bool step(std::int64_t rows = kSliceCost);
  /// Before the first step: whole rows come as clients know them that are older than model ids.
  void leave_out_model_id() { without_model_id_ = true; }
  const Page& page() const { return page_; }
  /// Rows looked at, or about to be, so far.
  std::int64_t rows_read() const { return rows_read_; }

 private:
  friend class Queries;
  struct Group {
    struct Total {
      double sum = 0;
      std::int64_t numbers = 0;
      std::int64_t defined = 0;
      std::optional<Json> least, greatest;
    };
    std::int64_t count = 0;
    std::vector<Total> totals;               ///< one a select item
    std::vector<std::optional<Json>> names;  ///< the items that are no aggregates
  };

  bool scan(std::int64_t rows);
  bool scan_device_jobs(std::int64_t rows);
  bool keeps(const Row& row) const;
  Json item_of(const TwinRow& row) const;
  Json project(const Row& row) const;
  void count_in(const Row& row);
  void finish_groups();
  bool grouped() const { return query_.aggregates() || !query_.group_by.empty(); }
  void add_item(std::string_view json);
  bool page_is_full() const { return page_.count >= page_size_ || page_.items.size() >= kMaxPageBytes; }
  void set_continuation(const Json& place);

  storage::Store& store_;
  const Links& links_;
  Query query_;
  std::int64_t page_size_;
  std::uint64_t fingerprint_;
  bool without_model_id_ = false;
  Page page_;
  std::int64_t rows_read_ = 0;

  std::optional<Scan> scan_;
  Place after_;             ///< the scan's
  std::int64_t taken_ = 0;  ///< rows given on this and earlier pages: TOP
  /// Groups given on earlier pages. Every page counts anew over the whole registry, so a page of groups is not of one
  /// moment with the page before it.
  std::int64_t group_offset_ = 0;
  std::optional<DeviceJobScan> device_job_scan_;  ///< FROM devices.jobs
  std::string after_device_job_;
  std::vector<Group> groups_;  ///< in the order in which they came up
  std::unordered_map<std::string, std::size_t> group_index_;
};

class Queries {
 public:
  Queries(storage::Store& store, const Links& links) : store_(store), links_(links) {}

  /// 400004 for a query that is wrong and for a continuation that is not of this query.
  Result<std::unique_ptr<Run>> start(std::string_view text, std::optional<std::int64_t> page_size,
                                     std::optional<std::string_view> continuation) const;

 private:
  storage::Store& store_;
  const Links& links_;
};

}  // namespace iothub::hub::query
