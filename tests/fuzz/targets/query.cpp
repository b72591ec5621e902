// Queries: what is read is written and read again as the same; an index never changes what a query finds; pages hold
// what one page does.
#include "emulator/hub/query/queries.h"

#include <algorithm>

#include "emulator/hub/query/explain.h"
#include "emulator/hub/query/parser.h"
#include "emulator/hub/query/twin_row.h"
#include "protocol/mqtt/utf8.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

using hub::Json;

/// Six devices with tags and properties of every kind.
struct Fleet : FuzzWorld {
  Fleet() {
    constexpr const char* kTwins[] = {
        R"({"tags":{"floor":1,"name":"a","on":true},"properties":{"desired":{"x":1,"deep":{"list":[1,"2",{"y":3}]}}}})",
        R"({"tags":{"floor":1.5,"name":"A","on":false},"properties":{"desired":{"x":"1"}}})",
        R"({"tags":{"floor":-2,"place":{"name":"a","floor":1}},"properties":{"desired":{"x":-0.0}}})",
        R"({"tags":{"floor":"1","name":""},"properties":{"desired":{"x":[]}}})",
        R"({"tags":{"1x":1,"name":"it's"},"properties":{"desired":{"x":{}}}})",
        R"({"tags":{},"properties":{}})",
    };
    int number = 0;
    for (const char* twin : kTwins) {
      const hub::Identity device{{"q" + std::to_string(number++)}, {}};
      require(hub.registry().put(device, {}, hub::IfMatch::none()).has_value(), "a device is made");
      require(hub.twins().patch(device, Json::parse(twin), hub::IfMatch::none()).has_value(), "a twin is written");
    }
    require(hub.twins().patch_reported({{"q0"}, {}}, Json::parse(R"({"x":1,"firmware":"1.0"})")).has_value(),
            "reported");
  }

  /// What the condition keeps of the devices, without any index.
  std::int64_t count(const hub::query::Expression* condition) {
    std::int64_t found = 0;
    for (storage::IdentityRow& row : store().identities_after(storage::Store::Kind::devices, "", "", 100)) {
      const hub::query::TwinRow twin(store(), hub.links(), std::move(row));
      found += condition == nullptr || is_true(evaluate(*condition, twin));
    }
    return found;
  }

  Json items(std::string_view text, std::int64_t page_size) {
    Json all = Json::array();
    std::optional<std::string> continuation;
    for (int pages = 0; pages < 100; ++pages) {
      auto run = hub.queries().start(text, page_size,
                                     continuation ? std::optional<std::string_view>(*continuation) : std::nullopt);
      require(run.has_value(), "a query that can be read runs, and its continuation is of it");
      while (!(*run)->step(2)) {
      }
      Json page = Json::parse((*run)->page().array());
      require(static_cast<std::int64_t>(page.size()) == (*run)->page().count, "a page tells its size");
      require(page.size() <= static_cast<std::size_t>(page_size), "a page keeps to its size");
      for (Json& item : page) all.push_back(std::move(item));
      continuation = (*run)->page().continuation;
      if (!continuation) return all;
    }
    require(false, "a query has an end: " + std::string(text));
    return all;
  }
};

Fleet& fleet() {
  static Fleet made;
  return made;
}

void require_same_condition(std::string_view text) {
  const auto condition = hub::query::parse_condition(text);
  if (!condition) {
    require(!condition.error().reason.empty(), "a refusal has a reason");
    return;
  }
  const std::string written = hub::query::text_of(**condition);
  const auto again = hub::query::parse_condition(written);
  require(again.has_value(), "a written condition can be read: " + written);
  require(hub::query::text_of(**again) == written, "a condition says the same: " + written);
  for (storage::IdentityRow& row : fleet().store().identities_after(storage::Store::Kind::devices, "", "", 100)) {
    const hub::query::TwinRow twin(fleet().store(), fleet().hub.links(), std::move(row));
    const auto value = to_json(evaluate(**condition, twin));
    require(value == to_json(evaluate(**again, twin)), "a condition means the same: " + written);
    const Json explained = hub::query::explain(**condition, twin);
    require(explained.contains("value") == value.has_value() && (!value || explained["value"] == *value),
            "an explanation says what the condition came to");
  }
}

void require_same_pages(std::string_view text) {
  const auto query = hub::query::parse_query(text);
  if (!query) {
    require(!query.error().reason.empty(), "a refusal has a reason");
    return;
  }
  const Json whole = fleet().items(text, 100);
  require(fleet().items(text, 1) == whole, "pages hold what one page does");
  if (query->source != hub::query::Source::devices || query->top || query->aggregates() || !query->group_by.empty())
    return;
  require(static_cast<std::int64_t>(whole.size()) == fleet().count(query->where.get()), "an index changes nothing");
}

}  // namespace

void query(std::string_view input) {
  if (!mqtt::is_mqtt_text(input)) return;  // queries come in JSON
  if (input.size() > 600) return;          // deep trees times many rows: long, and nothing new
  require_same_condition(input);
  require_same_pages(input);
  require_same_pages("SELECT * FROM devices WHERE " + std::string(input));
}

}  // namespace iothub::fuzz
