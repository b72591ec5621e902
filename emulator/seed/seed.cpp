#include "emulator/seed/seed.h"

#include <iterator>
#include <set>
#include <utility>

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

/// The member with its marks; the value is null where there is none.
std::pair<hub::Json, Marks> take_member(Document& document, const char* name) {
  const auto found = document.value.find(name);
  if (found == document.value.end()) return {};
  const auto index = std::distance(document.value.begin(), found);
  const auto mark = document.marks.members.begin() + index;
  std::pair<hub::Json, Marks> taken{std::move(*found), std::move(*mark)};
  document.marks.members.erase(mark);
  document.value.erase(name);
  return taken;
}

std::optional<LocatedError> check_hubs(Seed seed) {
  std::set<std::string> names;
  for (const SeededHub& hub : take_hubs(seed)) {
    if (!names.insert(hub.name).second) {
      LocatedError twice = hub.nowhere;
      twice.what = "the hub '" + hub.name + "' stands here twice";
      return twice;
    }
    if (const Result<std::vector<SeedDevice>> devices = devices_of(hub.seed); !devices) return devices.error();
  }
  return std::nullopt;
}

}  // namespace

std::vector<SeededHub> take_hubs(Seed& seed) {
  std::vector<SeededHub> hubs;
  if (seed.form != Form::seed) return hubs;
  Document& whole = seed.document;
  auto [list, marks] = take_member(whole, "hubs");
  for (std::size_t i = 0; i < list.size(); ++i) {
    Document part{whole.file, std::move(list[i]), std::move(marks.members[i]), "/hubs/" + std::to_string(i)};
    LocatedError nowhere = part.error("/name", {});
    const std::string name = take_member(part, "name").first.get<std::string>();
    if (whole.value.contains("keySeed") && !part.value.contains("keySeed")) {
      part.value["keySeed"] = whole.value["keySeed"];
      part.marks.members.emplace_back();
    }
    hubs.push_back({name, std::move(nowhere), Seed{std::move(part), Form::seed}});
  }
  return hubs;
}

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
  if (seed.form == Form::seed && seed.document.value.contains("hubs")) {
    if (auto wrong = check_hubs(seed)) return *wrong;
  }
  return seed;
}

}  // namespace iothub::seed
