#pragma once
/// The statements of feedback records and their batches.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rows.h"
#include "storage/statement.h"

namespace iothub::storage {

/// What store.h says of feedback, over one open database.
class FeedbackTable {
 public:
  explicit FeedbackTable(sqlite3* database);

  void append(std::string_view device_id, std::string_view module_id, std::int64_t time, std::string_view json);
  FeedbackWaiting waiting();
  void form_batch(std::int64_t time, std::int64_t limit);
  std::vector<FeedbackBatchRow> batches();
  std::vector<std::string> records(std::int64_t batch);
  void set_delivery_count(std::int64_t batch, std::int64_t delivery_count);
  void remove_batch(std::int64_t batch);

 private:
  Statement append_, waiting_, insert_batch_, fill_batch_, batches_, records_, set_delivery_count_, remove_records_,
      remove_batch_;
};

}  // namespace iothub::storage
