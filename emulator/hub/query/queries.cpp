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
    const std::size_t bytes = dump(row).size();
    add_item(std::move(row), bytes);
  }
  if (next < end) set_continuation(Json::array({"g", next}));
}

void Run::add_item(Json item, std::size_t bytes) {
  page_.items.push_back(std::move(item));
  page_bytes_ += bytes;
}

void Run::set_continuation(const Json& place) {
  page_.continuation = text::base64_encode(dump(Json::array({fingerprint_, place})));
}

bool Run::step_device_jobs(std::int64_t rows) {
  if (!device_jobs_) device_jobs_ = store_.documents(kDeviceJobDocuments);
  for (; rows > 0 && next_device_job_ < device_jobs_->size(); --rows, ++next_device_job_) {
    if (query_.top && taken_ >= *query_.top) return true;
    Json job = Json::parse((*device_jobs_)[next_device_job_].json);
    if (!keeps(JsonRow(job))) continue;
    if (page_is_full()) {
      set_continuation(Json::array({"j", next_device_job_, taken_}));
      return true;
    }
    add_item(std::move(job), (*device_jobs_)[next_device_job_].json.size());
    ++taken_;
  }
  return next_device_job_ >= device_jobs_->size();
}

bool Run::step(std::int64_t rows) {
  assert(rows >= 1);
  if (query_.source == Source::jobs) return step_device_jobs(rows);
  const bool grouped = this->grouped();
  const auto kind = query_.source == Source::modules ? storage::Store::Kind::modules : storage::Store::Kind::devices;

  // The one device that can match is read by key; its modules are the few rows that follow its key.
  const std::optional<std::string> only = query_.where ? required_device_id(*query_.where) : std::nullopt;
  if (only && after_device_.empty() && kind == storage::Store::Kind::modules) after_device_ = *only;
  std::vector<storage::IdentityRow> batch;
  if (only && kind == storage::Store::Kind::devices) {
    if (std::optional<storage::IdentityRow> row = store_.identity(*only, ""); row && after_device_ < *only)
      batch.push_back(std::move(*row));
  } else {
    // Where every row is an item, no more is read than the page takes, and the row that tells of another page.
    const auto missing = page_size_ - static_cast<std::int64_t>(page_.items.size()) + 1;
    if (!query_.where && !grouped) rows = std::min(rows, missing);
    batch = store_.identities_after(kind, after_device_, after_module_, rows);
  }
  const bool last = static_cast<std::int64_t>(batch.size()) < rows;
  rows_read_ += static_cast<std::int64_t>(batch.size());
  std::size_t parsed_bytes = 0;

  for (storage::IdentityRow& identity : batch) {
    if (only && identity.device_id != *only) {
      if (grouped) finish_groups();
      return true;
    }
    if (!grouped && query_.top && taken_ >= *query_.top) return true;
    const TwinRow row(store_, links_, identity);
    if (keeps(row)) {
      if (grouped) {
        count_in(row);
      } else if (page_is_full()) {  // only a match beyond the page makes another page
        set_continuation(Json::array({"k", after_device_, after_module_, taken_}));
        return true;
      } else {
        Json item = query_.items.empty() ? row.document() : project(row);
        add_item(std::move(item), row.parsed_bytes());
        ++taken_;
      }
    }
    after_device_ = identity.device_id;
    after_module_ = identity.module_id;
    parsed_bytes += row.parsed_bytes();
    if (parsed_bytes >= kSliceBytes) return false;
  }
  if (!last) return false;
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
  } else if (!jobs && !run->grouped() && place.size() == 4 && place[0] == "k" && place[1].is_string() &&
             place[2].is_string() && is_count(place[3])) {
    run->after_device_ = place[1].get<std::string>();
    run->after_module_ = place[2].get<std::string>();
    run->taken_ = place[3].get<std::int64_t>();
  } else if (jobs && place.size() == 3 && place[0] == "j" && is_count(place[1]) && is_count(place[2])) {
    run->next_device_job_ = place[1].get<std::size_t>();
    run->taken_ = place[2].get<std::int64_t>();
  } else {
    return foreign;
  }
  return run;
}

}  // namespace iothub::hub::query
