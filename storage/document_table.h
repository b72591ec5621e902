#pragma once
/// The statements of documents.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/statement.h"
#include "storage/store.h"

namespace iothub::storage {

/// What store.h says of documents, over one open database.
class DocumentTable {
 public:
  explicit DocumentTable(sqlite3* database);

  std::optional<std::string> document(std::string_view kind, std::string_view id);
  std::vector<Store::Document> documents(std::string_view kind);
  std::vector<Store::Document> documents_after(std::string_view kind, std::string_view id, std::int64_t limit);
  std::vector<Store::Document> device_jobs_after(std::string_view device_id, std::string_view id, std::int64_t limit);
  std::vector<Store::Document> jobs_made_before(std::string_view created_time, std::string_view id, std::int64_t limit);
  std::vector<std::string> kinds(std::string_view prefix);
  void put(std::string_view kind, std::string_view id, std::string_view json);
  bool remove(std::string_view kind, std::string_view id);
  void remove_all(std::string_view kind);

 private:
  Statement select_, select_all_, select_after_, device_jobs_, newest_jobs_, jobs_before_, kinds_, put_, remove_,
      remove_all_;
};

}  // namespace iothub::storage
