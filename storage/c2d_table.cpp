#include "storage/c2d_table.h"

#include <string>

namespace iothub::storage {
namespace {

const std::string kIdentityId = "(SELECT id FROM identity WHERE device_id = ?1 AND module_id = ?2)";
const std::string kOfQueue = " WHERE identity_id = " + kIdentityId;
const std::string kByNumber = kOfQueue + " AND sequence_number = ?3";
const std::string kColumns =
    "sequence_number, enqueued_time, expiry_time, expiry_given, delivery_count, ack, message_id, correlation_id, "
    "user_id, "
    "to_address, content_type, content_encoding, properties";

const std::string kNextNumber =
    "INSERT INTO c2d_queue (identity_id, last_sequence_number) SELECT id, 1 FROM identity WHERE device_id = ?1 AND "
    "module_id = ?2 ON CONFLICT (identity_id) DO UPDATE SET last_sequence_number = last_sequence_number + 1 "
    "RETURNING last_sequence_number";
const std::string kInsert = "INSERT INTO c2d_message (identity_id, " + kColumns + ", body) VALUES (" + kIdentityId +
                            ", ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const std::string kSequenceNumbers = "SELECT sequence_number FROM c2d_message" + kOfQueue + " ORDER BY sequence_number";
const std::string kSelect = "SELECT ?1, ?2, " + kColumns + ", body FROM c2d_message" + kByNumber;
const std::string kCount = "SELECT count(*) FROM c2d_message" + kOfQueue;
const std::string kSetDeliveryCount = "UPDATE c2d_message SET delivery_count = ?4" + kByNumber;
const std::string kRemove = "DELETE FROM c2d_message" + kByNumber;
const std::string kExpired = "SELECT device_id, module_id, " + kColumns +
                             ", '' FROM c2d_message JOIN identity ON identity.id = identity_id WHERE expiry_time <= ?1 "
                             "ORDER BY expiry_time, sequence_number";
const std::string kNextExpiry = "SELECT min(expiry_time) FROM c2d_message WHERE expiry_time > ?1";

C2dRow row_of(const Run& run) {
  return {.device_id = run.text(0),
          .module_id = run.text(1),
          .sequence_number = run.integer(2),
          .enqueued_time = run.integer(3),
          .expiry_time = run.integer(4),
          .expiry_given = run.boolean(5),
          .delivery_count = run.integer(6),
          .ack = run.integer(7),
          .message_id = run.text(8),
          .correlation_id = run.text(9),
          .user_id = run.text(10),
          .to = run.text(11),
          .content_type = run.text(12),
          .content_encoding = run.text(13),
          .properties = run.text(14),
          .body = run.text(15)};
}

}  // namespace

C2dTable::C2dTable(sqlite3* database)
    : next_number_(database, kNextNumber),
      insert_(database, kInsert),
      sequence_numbers_(database, kSequenceNumbers),
      select_(database, kSelect),
      count_(database, kCount),
      set_delivery_count_(database, kSetDeliveryCount),
      remove_(database, kRemove),
      expired_(database, kExpired),
      next_expiry_(database, kNextExpiry) {}

std::int64_t C2dTable::append(const C2dRow& row) {
  std::int64_t number = 0;
  {
    Run run = next_number_.run(row.device_id, row.module_id);
    if (!run.next()) return 0;
    number = run.integer(0);
    while (run.next()) {
    }
  }
  insert_
      .run(row.device_id, row.module_id, number, row.enqueued_time, row.expiry_time, row.expiry_given,
           row.delivery_count, row.ack, row.message_id, row.correlation_id, row.user_id, row.to, row.content_type,
           row.content_encoding, row.properties, Blob{row.body})
      .finish();
  return number;
}

std::vector<std::int64_t> C2dTable::sequence_numbers(std::string_view device_id, std::string_view module_id) {
  std::vector<std::int64_t> numbers;
  Run run = sequence_numbers_.run(device_id, module_id);
  while (run.next()) numbers.push_back(run.integer(0));
  return numbers;
}

std::optional<C2dRow> C2dTable::message(std::string_view device_id, std::string_view module_id,
                                        std::int64_t sequence_number) {
  Run run = select_.run(device_id, module_id, sequence_number);
  if (!run.next()) return std::nullopt;
  return row_of(run);
}

std::int64_t C2dTable::count(std::string_view device_id, std::string_view module_id) {
  Run run = count_.run(device_id, module_id);
  return run.next() ? run.integer(0) : 0;
}

void C2dTable::set_delivery_count(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number,
                                  std::int64_t delivery_count) {
  set_delivery_count_.run(device_id, module_id, sequence_number, delivery_count).finish();
}

bool C2dTable::remove(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number) {
  return remove_.run(device_id, module_id, sequence_number).finish() > 0;
}

std::vector<C2dRow> C2dTable::expired(std::int64_t time) {
  std::vector<C2dRow> rows;
  Run run = expired_.run(time);
  while (run.next()) rows.push_back(row_of(run));
  return rows;
}

std::optional<std::int64_t> C2dTable::next_expiry(std::int64_t after) {
  Run run = next_expiry_.run(after);
  // min() of no rows is NULL, which reads as 0; no message expires in the year 1.
  const std::int64_t time = run.next() ? run.integer(0) : 0;
  return time == 0 ? std::nullopt : std::optional(time);
}

}  // namespace iothub::storage
