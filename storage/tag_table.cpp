#include "storage/tag_table.h"

namespace iothub::storage {
namespace {

std::string select_tagged(const std::string& value) {
  return "SELECT device_id, module_id FROM tag WHERE term = substr(?1, 1, 64) || char(31) || " + value +
         " AND of_module = ?3 AND (device_id, module_id) > (?4, ?5) ORDER BY device_id, module_id LIMIT max(?6, 0)";
}

// As the triggers write terms.
const std::string kWithText = select_tagged("'s' || substr(?2, 1, 64)");
const std::string kWithNumber = select_tagged("'n' || ?2");

}  // namespace

TagTable::TagTable(sqlite3* database) : with_text_(database, kWithText), with_number_(database, kWithNumber) {}

std::vector<IdentityKey> TagTable::tagged_after(bool modules, const TagValue& tag, std::string_view device_id,
                                                std::string_view module_id, std::int64_t limit) {
  std::vector<IdentityKey> keys;
  const auto take = [&](Run run) {
    while (run.next()) keys.push_back({run.text(0), run.text(1)});
  };
  if (const std::string* text = std::get_if<std::string>(&tag.value)) {
    take(with_text_.run(tag.name, *text, modules, device_id, module_id, limit));
  } else {
    take(with_number_.run(tag.name, std::get<std::int64_t>(tag.value), modules, device_id, module_id, limit));
  }
  return keys;
}

}  // namespace iothub::storage
