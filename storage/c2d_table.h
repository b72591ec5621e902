#pragma once
/// The statements of cloud-to-device queues.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/rows.h"
#include "storage/statement.h"

namespace iothub::storage {

/// What store.h says of cloud-to-device messages, over one open database.
class C2dTable {
 public:
  explicit C2dTable(sqlite3* database);

  std::int64_t append(const C2dRow& message);
  std::vector<std::int64_t> sequence_numbers(std::string_view device_id, std::string_view module_id);
  std::optional<C2dRow> message(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number);
  std::int64_t count(std::string_view device_id, std::string_view module_id);
  void set_delivery_count(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number,
                          std::int64_t delivery_count);
  bool remove(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number);
  std::vector<C2dRow> expired(std::int64_t time);
  std::optional<std::int64_t> next_expiry(std::int64_t after);

 private:
  Statement next_number_, insert_, sequence_numbers_, select_, count_, set_delivery_count_, remove_, expired_,
      next_expiry_;
};

}  // namespace iothub::storage
