#pragma once
/// The statements of events that wait for the endpoints of routes.
#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/rows.h"
#include "storage/statement.h"

namespace iothub::storage {

/// What store.h says of outgoing events, over one open database.
class OutboxTable {
 public:
  explicit OutboxTable(sqlite3* database);

  void append(std::string_view endpoint, const EventRow& event);
  std::vector<EventRow> oldest(std::string_view endpoint, std::int64_t limit, std::size_t most_bytes);
  void remove(std::string_view endpoint, std::int64_t up_to);
  bool has_older_than(std::int64_t time);
  std::int64_t remove_older_than(std::int64_t time, std::int64_t limit);

 private:
  Statement append_, oldest_, remove_, oldest_time_, remove_older_;
};

}  // namespace iothub::storage
