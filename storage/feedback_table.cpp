#include "storage/feedback_table.h"

namespace iothub::storage {
namespace {

constexpr const char* kAppend =
    "INSERT INTO feedback_record (identity_id, batch, recorded_time, json) SELECT id, 0, ?3, ?4 FROM identity "
    "WHERE device_id = ?1 AND module_id = ?2";
constexpr const char* kWaiting =
    "SELECT count(*), (SELECT recorded_time FROM feedback_record WHERE batch = 0 ORDER BY id LIMIT 1) "
    "FROM feedback_record WHERE batch = 0";
constexpr const char* kInsertBatch =
    "INSERT INTO feedback_batch (enqueued_time, delivery_count) VALUES (?1, 0) RETURNING id";
constexpr const char* kFillBatch =
    "UPDATE feedback_record SET batch = ?1 WHERE id IN "
    "(SELECT id FROM feedback_record WHERE batch = 0 ORDER BY id LIMIT ?2)";
constexpr const char* kBatches = "SELECT id, enqueued_time, delivery_count FROM feedback_batch ORDER BY id";
constexpr const char* kRecords = "SELECT json FROM feedback_record WHERE batch = ?1 ORDER BY id";
constexpr const char* kSetDeliveryCount = "UPDATE feedback_batch SET delivery_count = ?2 WHERE id = ?1";
constexpr const char* kRemoveRecords = "DELETE FROM feedback_record WHERE batch = ?1";
constexpr const char* kRemoveBatch = "DELETE FROM feedback_batch WHERE id = ?1";

}  // namespace

FeedbackTable::FeedbackTable(sqlite3* database)
    : append_(database, kAppend),
      waiting_(database, kWaiting),
      insert_batch_(database, kInsertBatch),
      fill_batch_(database, kFillBatch),
      batches_(database, kBatches),
      records_(database, kRecords),
      set_delivery_count_(database, kSetDeliveryCount),
      remove_records_(database, kRemoveRecords),
      remove_batch_(database, kRemoveBatch) {}

void FeedbackTable::append(std::string_view device_id, std::string_view module_id, std::int64_t time,
                           std::string_view json) {
  append_.run(device_id, module_id, time, json).finish();
}

FeedbackWaiting FeedbackTable::waiting() {
  Run run = waiting_.run();
  return run.next() ? FeedbackWaiting{.count = run.integer(0), .first_time = run.integer(1)} : FeedbackWaiting{};
}

void FeedbackTable::form_batch(std::int64_t time, std::int64_t limit) {
  std::int64_t batch = 0;
  {
    Run run = insert_batch_.run(time);
    while (run.next()) batch = run.integer(0);
  }
  fill_batch_.run(batch, limit).finish();
}

std::vector<FeedbackBatchRow> FeedbackTable::batches() {
  std::vector<FeedbackBatchRow> rows;
  Run run = batches_.run();
  while (run.next()) {
    rows.push_back({.id = run.integer(0), .enqueued_time = run.integer(1), .delivery_count = run.integer(2)});
  }
  return rows;
}

std::vector<std::string> FeedbackTable::records(std::int64_t batch) {
  std::vector<std::string> records;
  Run run = records_.run(batch);
  while (run.next()) records.push_back(run.text(0));
  return records;
}

void FeedbackTable::set_delivery_count(std::int64_t batch, std::int64_t delivery_count) {
  set_delivery_count_.run(batch, delivery_count).finish();
}

void FeedbackTable::remove_batch(std::int64_t batch) {
  remove_records_.run(batch).finish();
  remove_batch_.run(batch).finish();
}

}  // namespace iothub::storage
