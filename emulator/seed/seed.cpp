#include "emulator/seed/seed.h"

#include "emulator/seed/seed_devices.h"

namespace iothub::seed {
namespace {

bool is_exported_device(const hub::Json& value) {
  return value.is_object() && (value.contains("id") || value.contains("deviceId"));
}

/// One device as an array of one.
void wrap(Document& document) {
  document.value = hub::Json::array({std::move(document.value)});
  Marks list;
  list.members.push_back(std::move(document.marks));
  document.marks = std::move(list);
}

}  // namespace

Result<Seed> parse(std::string_view text, std::string file) {
  Result<Document> document = read_document(text, std::move(file));
  if (!document) return document.error();
  return parse(std::move(*document));
}

Result<Seed> parse(Document document) {
  Seed seed{std::move(document), Form::seed};
  if (is_exported_device(seed.document.value)) wrap(seed.document);
  if (seed.document.value.is_array()) seed.form = Form::exported;
  if (auto wrong = check_against_schema(seed.document, seed.form)) return *wrong;
  if (const Result<std::vector<SeedDevice>> devices = devices_of(seed); !devices) return devices.error();
  return seed;
}

}  // namespace iothub::seed
