#include "emulator/hub/query/queries.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "emulator/hub/query/json_row.h"
#include "emulator/hub/query/twin_row.h"
#include "protocol/text/base64.h"
#include "protocol/text/fnv.h"

namespace iothub::hub::query {
namespace {

/// A continuation comes from the client: a number that is no count would index before the first group.
bool is_count(const Json& json) {
  return json.is_number_unsigned() && json.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Run::Run(storage::Store& store, const Links& links, Query query, std::int64_t page_size, std::uint64_t fingerprint)
    : store_(store), links_(links), query_(std::move(query)), page_size_(page_size), fingerprint_(fingerprint) {
  page_.item_type = query_.source == Source::jobs ? "DeviceJob" : query_.items.empty() ? "Twin" : "Raw";
}

bool Run::keeps(const Row& row) const {
  return !query_.where || is_true(evaluate(*query_.where, row));
}

Json Run::project(const Row& row) const {
  Json out = Json::object();
  for (const SelectItem& item : query_.items) {
    if (std::optional<Json> value = row.json(item.path)) out[item.name] = std::move(*value);
  }
  return out;
}

void Run::count_in(const Row& row) {
  Json key = Json::array();
  std::vector<std::optional<Json>> names;
  for (const SelectItem& item : query_.items) {
    names.push_back(item.aggregate == Aggregate::none ? row.json(item.path) : std::nullopt);
  }
  for (const Path& path : query_.group_by) {
    const std::optional<Json> value = to_json(row.resolve(path));
    key.push_back(value ? Json::array({*value}) : Json::array());
  }
  const std::string text = dump(key);
  const auto [found, is_new] = group_index_.try_emplace(text, groups_.size());
  if (is_new) groups_.push_back({0, std::vector<Group::Total>(query_.items.size()), std::move(names)});
  Group& group = groups_[found->second];
  ++group.count;
  for (std::size_t i = 0; i < query_.items.size(); ++i) {
    const SelectItem& item = query_.items[i];
    if (item.aggregate == Aggregate::none || item.path.steps.empty()) continue;
    const Value value = row.resolve(item.path);
    Group::Total& total = group.totals[i];
    if (std::holds_alternative<Undefined>(value)) continue;
    ++total.defined;
    if (const double* number = std::get_if<double>(&value)) {
      total.sum += *number;
      ++total.numbers;
    }
    if (!total.least || compare(value, from_json(*total.least)).value_or(0) < 0) total.least = to_json(value);
    if (!total.greatest || compare(value, from_json(*total.greatest)).value_or(0) > 0) total.greatest = to_json(value);
  }
}

void Run::finish_groups() {
  if (groups_.empty() && query_.group_by.empty()) {
    // An aggregate over nothing is one row.
    groups_.push_back(
        {0, std::vector<Group::Total>(query_.items.size()), std::vector<std::optional<Json>>(query_.items.size())});
  }
  const auto total = static_cast<std::int64_t>(groups_.size());
  const std::int64_t end = query_.top ? std::min(*query_.top, total) : total;
  std::int64_t next = group_offset_;
  for (; next < end && !page_is_full(); ++next) {
    const Group& group = groups_[static_cast<std::size_t>(next)];
    Json row = Json::object();
    for (std::size_t i = 0; i < query_.items.size(); ++i) {
      const SelectItem& item = query_.items[i];
      const Group::Total& sums = group.totals[i];
      switch (item.aggregate) {
        case Aggregate::none:
          if (group.names[i]) row[item.name] = *group.names[i];
          break;
        case Aggregate::count:
          row[item.name] = item.path.steps.empty() ? group.count : sums.defined;
          break;
        case Aggregate::sum:
          if (sums.numbers > 0 && std::isfinite(sums.sum)) row[item.name] = *to_json(sums.sum);
          break;
        case Aggregate::avg:
          if (sums.numbers > 0 && std::isfinite(sums.sum)) {
            row[item.name] = *to_json(sums.sum / static_cast<double>(sums.numbers));
          }
          break;
        case Aggregate::min:
          if (sums.least) row[item.name] = *sums.least;
          break;
        case Aggregate::max:
          if (sums.greatest) row[item.name] = *sums.greatest;
          break;
      }
    }
    add_item(dump(row));
  }
  if (next < end) set_continuation(Json::array({"g", next}));
}

Json Run::item_of(const TwinRow& row) const {
  if (!query_.items.empty()) return project(row);
  Json document = row.document();
  if (without_model_id_) document.erase("modelId");
  return document;
}

void Run::add_item(std::string_view json) {
  if (page_.count++ > 0) page_.items += ',';
  page_.items += json;
}

void Run::set_continuation(const Json& place) {
  page_.continuation = text::base64_encode(dump(Json::array({fingerprint_, place})));
}

bool Run::step(std::int64_t rows) {
  assert(rows >= 1);
  return query_.source == Source::jobs ? scan_device_jobs(rows) : scan(rows);
}

bool Run::scan_device_jobs(std::int64_t rows) {
  if (!device_job_scan_) device_job_scan_.emplace(store_, query_.where.get());
  const DeviceJobScan::Batch batch = device_job_scan_->next(after_device_job_, rows);
  rows_read_ += static_cast<std::int64_t>(batch.rows.size());
  std::size_t parsed_bytes = 0;
  for (const storage::Store::Document& row : batch.rows) {
    if (query_.top && taken_ >= *query_.top) return true;
    const Json job = Json::parse(row.json);
    if (keeps(JsonRow(job))) {
      if (page_is_full()) {  // only a match beyond the page makes another page
        set_continuation(Json::array({"j", after_device_job_, taken_}));
        return true;
      }
      add_item(row.json);
      ++taken_;
    }
    after_device_job_ = row.id;
    parsed_bytes += row.json.size();
    if (parsed_bytes >= kSliceBytes) return false;
  }
  return batch.end;
}

bool Run::scan(std::int64_t rows) {
  const bool grouped = this->grouped();
  if (!scan_) scan_.emplace(store_, query_.source, query_.where.get());
  // Where every row is an item, no more is read than the page takes, and the row that tells of another page.
  if (!query_.where && !grouped) rows = std::min(rows, page_size_ - page_.count + 1);
  Scan::Batch batch = scan_->next(after_, rows);
  rows_read_ += static_cast<std::int64_t>(batch.rows.size());
  std::size_t parsed_bytes = 0;

  for (storage::IdentityRow& identity : batch.rows) {
    if (!grouped && query_.top && taken_ >= *query_.top) return true;
    const TwinRow row(store_, links_, std::move(identity));
    if (keeps(row)) {
      if (grouped) {
        count_in(row);
      } else if (page_is_full()) {  // only a match beyond the page makes another page
        set_continuation(Json::array({"k", after_.device_id, after_.created, after_.module_id, taken_}));
        return true;
      } else {
        add_item(dump(item_of(row)));
        ++taken_;
      }
    }
    after_ = place_of(row.identity());
    parsed_bytes += row.parsed_bytes();
    if (parsed_bytes >= kSliceBytes) return false;
  }
  after_ = std::move(batch.last);
  if (!batch.end) return false;
  if (grouped) finish_groups();
  return true;
}

Result<std::unique_ptr<Run>> Queries::start(std::string_view text, std::optional<std::int64_t> page_size,
                                            std::optional<std::string_view> continuation) const {
  Result<Query> query = parse_query(text);
  if (!query) return query.error();
  const std::int64_t size = page_size && *page_size >= 1 ? std::min(*page_size, kMaxPageSize) : kDefaultPageSize;
  const std::uint64_t fingerprint = text::fnv1a(text);
  const bool jobs = query->source == Source::jobs;
  auto run = std::make_unique<Run>(store_, links_, std::move(*query), size, fingerprint);
  if (!continuation) return run;

  const HubError foreign = bad_request("the continuation token is not one of this query");
  const std::optional<std::string> decoded = text::base64_decode_text(*continuation);
  if (!decoded) return foreign;
  const Json token = Json::parse(*decoded, nullptr, false);
  if (!token.is_array() || token.size() != 2 || token[0] != fingerprint || !token[1].is_array()) return foreign;
  const Json& place = token[1];
  if (run->grouped() && place.size() == 2 && place[0] == "g" && is_count(place[1])) {
    run->group_offset_ = place[1].get<std::int64_t>();
  } else if (!jobs && !run->grouped() && place.size() == 5 && place[0] == "k" && place[1].is_string() &&
             is_count(place[2]) && place[3].is_string() && is_count(place[4])) {
    run->after_ = {place[1].get<std::string>(), place[2].get<std::int64_t>(), place[3].get<std::string>()};
    run->taken_ = place[4].get<std::int64_t>();
  } else if (jobs && place.size() == 3 && place[0] == "j" && place[1].is_string() && is_count(place[2])) {
    run->after_device_job_ = place[1].get<std::string>();
    run->taken_ = place[2].get<std::int64_t>();
  } else {
    return foreign;
  }
  return run;
}

}  // namespace iothub::hub::query
