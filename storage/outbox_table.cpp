#include "storage/outbox_table.h"

namespace iothub::storage {
namespace {

constexpr const char* kAppend =
    "INSERT INTO outbox (endpoint, enqueued_time, device_id, module_id, source, annotations, system_properties, "
    "properties, auth_method, auth_generation_id, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
constexpr const char* kOldest =
    "SELECT id, enqueued_time, device_id, module_id, source, annotations, system_properties, properties, auth_method, "
    "auth_generation_id, body FROM outbox WHERE endpoint = ?1 ORDER BY id LIMIT ?2";
constexpr const char* kRemove = "DELETE FROM outbox WHERE endpoint = ?1 AND id <= ?2";
constexpr const char* kOldestTime = "SELECT enqueued_time FROM outbox ORDER BY id LIMIT 1";
constexpr const char* kRemoveOlder =
    "DELETE FROM outbox WHERE enqueued_time < ?1 AND id IN (SELECT id FROM outbox ORDER BY id LIMIT ?2)";

EventRow event_of(const Run& run) {
  return {.sequence_number = run.integer(0),
          .enqueued_time = run.integer(1),
          .device_id = run.text(2),
          .module_id = run.text(3),
          .source = run.text(4),
          .annotations = run.text(5),
          .system_properties = run.text(6),
          .properties = run.text(7),
          .auth_method = run.text(8),
          .auth_generation_id = run.text(9),
          .body = run.text(10)};
}

}  // namespace

OutboxTable::OutboxTable(sqlite3* database)
    : append_(database, kAppend),
      oldest_(database, kOldest),
      remove_(database, kRemove),
      oldest_time_(database, kOldestTime),
      remove_older_(database, kRemoveOlder) {}

void OutboxTable::append(std::string_view endpoint, const EventRow& event) {
  append_
      .run(endpoint, event.enqueued_time, event.device_id, event.module_id, event.source, event.annotations,
           event.system_properties, event.properties, event.auth_method, event.auth_generation_id, Blob{event.body})
      .finish();
}

std::vector<EventRow> OutboxTable::oldest(std::string_view endpoint, std::int64_t limit, std::size_t most_bytes) {
  std::vector<EventRow> events;
  std::size_t bytes = 0;
  Run run = oldest_.run(endpoint, limit);
  while (bytes < most_bytes && run.next()) {
    events.push_back(event_of(run));
    bytes += events.back().body.size() + events.back().properties.size();
  }
  return events;
}

void OutboxTable::remove(std::string_view endpoint, std::int64_t up_to) {
  remove_.run(endpoint, up_to).finish();
}

bool OutboxTable::has_older_than(std::int64_t time) {
  Run run = oldest_time_.run();
  return run.next() && run.integer(0) < time;
}

std::int64_t OutboxTable::remove_older_than(std::int64_t time, std::int64_t limit) {
  return remove_older_.run(time, limit).finish();
}

}  // namespace iothub::storage
