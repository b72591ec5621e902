#include "storage/document_table.h"

namespace iothub::storage {
namespace {

constexpr const char* kSelect = "SELECT json FROM document WHERE kind = ?1 AND id = ?2";
constexpr const char* kSelectAll = "SELECT id, json FROM document WHERE kind = ?1 ORDER BY id";
constexpr const char* kSelectAfter =
    "SELECT id, json FROM document WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT max(?3, 0)";
constexpr const char* kDeviceJobs =
    "SELECT id, json FROM document INDEXED BY document_device WHERE kind = 'deviceJob' AND device_id = ?1 AND id > ?2 "
    "ORDER BY id LIMIT max(?3, 0)";
constexpr const char* kNewestJobs =
    "SELECT id, json FROM document INDEXED BY document_created WHERE kind = 'job' AND created_time IS NOT NULL "
    "ORDER BY created_time DESC, id DESC LIMIT max(?1, 0)";
constexpr const char* kJobsBefore =
    "SELECT id, json FROM document INDEXED BY document_created WHERE kind = 'job' AND created_time IS NOT NULL "
    "AND (created_time, id) < (rtrim(?1, 'Z'), ?2) ORDER BY created_time DESC, id DESC LIMIT max(?3, 0)";
// The members that jobs are found by: an index over the JSON itself is not possible where the schema is not trusted.
constexpr const char* kPut =
    "INSERT INTO document (kind, id, json, created_time, device_id) VALUES (?1, ?2, ?3, "
    "CASE ?1 WHEN 'job' THEN rtrim(json_extract(?3, '$.createdTime'), 'Z') END, "
    "CASE ?1 WHEN 'deviceJob' THEN json_extract(?3, '$.deviceId') END) "
    "ON CONFLICT (kind, id) DO UPDATE SET (json, created_time, device_id) = "
    "(excluded.json, excluded.created_time, excluded.device_id)";
constexpr const char* kSelectKinds = "SELECT DISTINCT kind FROM document WHERE kind >= ?1 AND kind < ?2 ORDER BY kind";
constexpr const char* kRemove = "DELETE FROM document WHERE kind = ?1 AND id = ?2";
constexpr const char* kRemoveAll = "DELETE FROM document WHERE kind = ?1";

std::vector<Store::Document> documents_of(Run run) {
  std::vector<Store::Document> found;
  while (run.next()) found.push_back({run.text(0), run.text(1)});
  return found;
}

}  // namespace

DocumentTable::DocumentTable(sqlite3* database)
    : select_(database, kSelect),
      select_all_(database, kSelectAll),
      select_after_(database, kSelectAfter),
      device_jobs_(database, kDeviceJobs),
      newest_jobs_(database, kNewestJobs),
      jobs_before_(database, kJobsBefore),
      kinds_(database, kSelectKinds),
      put_(database, kPut),
      remove_(database, kRemove),
      remove_all_(database, kRemoveAll) {}

std::optional<std::string> DocumentTable::document(std::string_view kind, std::string_view id) {
  Run run = select_.run(kind, id);
  if (!run.next()) return std::nullopt;
  return run.text(0);
}

std::vector<Store::Document> DocumentTable::documents(std::string_view kind) {
  return documents_of(select_all_.run(kind));
}

std::vector<Store::Document> DocumentTable::documents_after(std::string_view kind, std::string_view id,
                                                            std::int64_t limit) {
  return documents_of(select_after_.run(kind, id, limit));
}

std::vector<Store::Document> DocumentTable::device_jobs_after(std::string_view device_id, std::string_view id,
                                                              std::int64_t limit) {
  return documents_of(device_jobs_.run(device_id, id, limit));
}

std::vector<Store::Document> DocumentTable::jobs_made_before(std::string_view created_time, std::string_view id,
                                                             std::int64_t limit) {
  if (id.empty()) return documents_of(newest_jobs_.run(limit));
  return documents_of(jobs_before_.run(created_time, id, limit));
}

std::vector<std::string> DocumentTable::kinds(std::string_view prefix) {
  // UTF-8 has no byte 0xFF, so this is after everything that begins with the prefix.
  const std::string after = std::string(prefix) + '\xff';
  std::vector<std::string> found;
  Run run = kinds_.run(prefix, after);
  while (run.next()) found.push_back(run.text(0));
  return found;
}

void DocumentTable::put(std::string_view kind, std::string_view id, std::string_view json) {
  put_.run(kind, id, json).finish();
}

bool DocumentTable::remove(std::string_view kind, std::string_view id) {
  return remove_.run(kind, id).finish() > 0;
}

void DocumentTable::remove_all(std::string_view kind) {
  remove_all_.run(kind).finish();
}

}  // namespace iothub::storage
