#pragma once
/// The index of the tags of twins. Triggers keep it (schema.cpp): here it is only read.
#include <string_view>
#include <vector>

#include "storage/rows.h"
#include "storage/statement.h"

namespace iothub::storage {

/// What store.h says of tags, over one open database.
class TagTable {
 public:
  explicit TagTable(sqlite3* database);

  std::vector<IdentityKey> tagged_after(bool modules, const TagValue& tag, std::string_view device_id,
                                        std::string_view module_id, std::int64_t limit);

 private:
  Statement with_text_, with_number_;
};

}  // namespace iothub::storage
