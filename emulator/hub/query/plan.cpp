#include "emulator/hub/query/plan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "emulator/hub/query/queries.h"

namespace iothub::hub::query {
namespace {

using storage::IdentityKey;
using storage::IdentityRow;
using storage::TagValue;

/// All characters of ids sort before it.
constexpr const char* kBehindAllModules = "\x7F";

/// Beyond this, neighbouring numbers may share a whole part in one reading of their text and not in another.
constexpr double kLargestIndexedNumber = 1e15;

/// What the index holds of a literal; nothing where it does not tell.
std::optional<TagValue> indexed(const Json& literal, const std::string& name) {
  if (literal.is_string()) {
    const auto& text = literal.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return std::nullopt;  // SQLite's text functions end there
    return TagValue{name, text};
  }
  if (literal.is_boolean()) return TagValue{name, std::int64_t{literal.get<bool>() ? 1 : 0}};
  if (!literal.is_number()) return std::nullopt;
  const double number = literal.get<double>();
  if (!(std::fabs(number) < kLargestIndexedNumber)) return std::nullopt;
  // SQLite may read a fraction's last digit otherwise than we do.
  const double whole = std::trunc(number);
  const double slack = number == whole ? 0 : std::fabs(number) * 1e-12;
  if (std::trunc(number - slack) != whole || std::trunc(number + slack) != whole) return std::nullopt;
  return TagValue{name, static_cast<std::int64_t>(whole)};
}

std::optional<Lookup::By> index_of(const Path& path, Source source) {
  const std::string* root = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
  const bool has_name = !path.steps.empty() && std::holds_alternative<std::string>(path.steps.back());
  if (root == nullptr || !has_name) return std::nullopt;
  if (path.steps.size() == 1) {
    if (*root == "deviceId") return Lookup::By::device_id;
    if (*root == "moduleId" && source == Source::modules) return Lookup::By::module_id;
    if (*root == "jobId" && source == Source::jobs) return Lookup::By::job_id;
  }
  if (*root == "tags" && path.steps.size() > 1 && source != Source::jobs) return Lookup::By::tag;
  return std::nullopt;
}

bool operator_less(const TagValue& a, const TagValue& b) {
  return a.value < b.value;
}

std::optional<Lookup> lookup_of(const Path& path, const std::vector<Json>& literals, Source source) {
  const std::optional<Lookup::By> by = index_of(path, source);
  if (!by || literals.size() > kMaxLookupValues) return std::nullopt;
  const std::string name = *by == Lookup::By::tag ? path.leaf() : std::string();
  Lookup lookup{*by, {}};
  for (const Json& literal : literals) {
    if (*by != Lookup::By::tag && !literal.is_string()) continue;  // no id equals it
    std::optional<TagValue> value = indexed(literal, name);
    if (!value) return std::nullopt;
    lookup.values.push_back(std::move(*value));
  }
  std::sort(lookup.values.begin(), lookup.values.end(), operator_less);
  const auto same = [](const TagValue& a, const TagValue& b) { return a.value == b.value; };
  lookup.values.erase(std::unique(lookup.values.begin(), lookup.values.end(), same), lookup.values.end());
  return lookup;
}

/// A negative number is an operation.
std::optional<Json> literal_of(const Expression& expression) {
  if (const Literal* literal = std::get_if<Literal>(&expression.node)) {
    return literal->undefined ? std::nullopt : std::optional(literal->json);
  }
  const Operation* operation = std::get_if<Operation>(&expression.node);
  if (operation == nullptr || operation->op != Operator::negate) return std::nullopt;
  const Literal* number = std::get_if<Literal>(&operation->operands.front()->node);
  if (number == nullptr || !number->json.is_number()) return std::nullopt;
  return Json(-number->json.get<double>());
}

void collect(const Expression& condition, Source source, std::vector<Lookup>& found) {
  const Operation* operation = std::get_if<Operation>(&condition.node);
  if (operation == nullptr) return;
  if (operation->op == Operator::logical_and) {
    for (const ExpressionPtr& operand : operation->operands) collect(*operand, source, found);
    return;
  }
  if (operation->op != Operator::equal && operation->op != Operator::in) return;
  for (const std::size_t side : {0U, 1U}) {
    const Path* path = std::get_if<Path>(&operation->operands[side]->node);
    const std::optional<Json> literal = literal_of(*operation->operands[1 - side]);
    if (path == nullptr || !literal) continue;
    const bool list = operation->op == Operator::in;
    if (list && (side == 1 || !literal->is_array())) continue;
    const std::vector<Json> literals = list ? literal->get<std::vector<Json>>() : std::vector<Json>{*literal};
    if (std::optional<Lookup> lookup = lookup_of(*path, literals, source)) found.push_back(std::move(*lookup));
  }
}

/// The first of several sorted lists together, each read up to a limit of its own: what lies behind the end of a list
/// that was cut short is not known to be next, and waits. `read` gives a value's list.
template <typename Key>
std::vector<Key> merged(const std::vector<TagValue>& values, std::int64_t limit, bool& end,
                        const std::function<std::vector<Key>(const TagValue&, std::int64_t)>& read) {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::int64_t each = count <= 1 ? limit : std::max<std::int64_t>(1, limit / count);
  std::vector<Key> all;
  std::optional<Key> known_to;
  for (const TagValue& value : values) {
    std::vector<Key> keys = read(value, each);
    if (static_cast<std::int64_t>(keys.size()) >= each && (!known_to || keys.back() < *known_to)) {
      known_to = keys.back();
    }
    std::move(keys.begin(), keys.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (known_to) all.erase(std::upper_bound(all.begin(), all.end(), *known_to), all.end());
  end = !known_to;
  if (static_cast<std::int64_t>(all.size()) > limit) {
    all.resize(static_cast<std::size_t>(limit));
    end = false;
  }
  return all;
}

const std::string& text_of(const TagValue& id) {
  return std::get<std::string>(id.value);
}

/// The ids of a job's documents begin with the job's id and a line feed.
std::string document_prefix(const TagValue& job) {
  return text_of(job) + "\n";
}

}  // namespace

Place place_of(const IdentityRow& row) {
  return {row.device_id, row.created_time, row.module_id};
}

std::vector<Lookup> lookups(const Expression& condition, Source source) {
  std::vector<Lookup> found;
  collect(condition, source, found);
  return found;
}

// ---- identities -----------------------------------------------------------------------------------------------------

Scan::Scan(storage::Store& store, Source source, const Expression* condition)
    : store_(store), kind_(source == Source::modules ? storage::Store::Kind::modules : storage::Store::Kind::devices) {
  if (condition == nullptr) return;
  std::vector<Lookup> possible = lookups(*condition, source);
  if (possible.empty()) return;
  std::int64_t fewest = kMaxCountedRows + 1;
  for (Lookup& lookup : possible) {
    std::int64_t rows = 0;
    if (lookup.by == Lookup::By::device_id) {
      rows = 0;  // a few at most
    } else if (possible.size() > 1) {
      for (const TagValue& value : lookup.values) {
        if (rows >= fewest) break;
        rows += static_cast<std::int64_t>(keys_of(value, lookup.by, {}, kMaxCountedRows).size());
      }
    }
    if (rows < fewest || !lookup_) {
      fewest = std::min(fewest, rows);
      lookup_ = std::move(lookup);
    }
  }
}

std::vector<IdentityKey> Scan::keys_of(const TagValue& value, Lookup::By by, const IdentityKey& after,
                                       std::int64_t limit) {
  switch (by) {
    case Lookup::By::tag:
      return store_.tagged_after(kind_, value, after.device_id, after.module_id, limit);
    case Lookup::By::module_id: {
      // The key goes on within a device with the modules behind `after`.
      std::vector<IdentityKey> keys;
      if (text_of(value) > after.module_id && store_.identity(after.device_id, text_of(value))) {
        keys.push_back({after.device_id, text_of(value)});
      }
      for (IdentityKey& key : store_.modules_named_after(text_of(value), after.device_id, limit)) {
        keys.push_back(std::move(key));
      }
      if (static_cast<std::int64_t>(keys.size()) > limit) keys.resize(static_cast<std::size_t>(limit));
      return keys;
    }
    case Lookup::By::device_id: {
      std::vector<IdentityKey> keys;
      if (kind_ == storage::Store::Kind::devices) {
        if (after < IdentityKey{text_of(value), ""}) keys.push_back({text_of(value), ""});
        return keys;
      }
      if (after.device_id > text_of(value)) return keys;
      const std::string& module = after.device_id == text_of(value) ? after.module_id : std::string();
      for (IdentityRow& row : store_.identities_after(kind_, text_of(value), module, limit)) {
        if (row.device_id != text_of(value)) break;
        keys.push_back({std::move(row.device_id), std::move(row.module_id)});
      }
      return keys;
    }
    case Lookup::By::job_id:
      return {};
  }
  return {};
}

Scan::Found Scan::find(const IdentityKey& after, std::int64_t limit) {
  Found found;
  found.last = after;
  if (!lookup_) {
    found.rows = store_.identities_after(kind_, after.device_id, after.module_id, limit);
    if (!found.rows.empty()) found.last = {found.rows.back().device_id, found.rows.back().module_id};
    found.end = static_cast<std::int64_t>(found.rows.size()) < limit;
    return found;
  }
  const std::vector<IdentityKey> keys = merged<IdentityKey>(
      lookup_->values, limit, found.end,
      [&](const TagValue& value, std::int64_t each) { return keys_of(value, lookup_->by, after, each); });
  for (const IdentityKey& key : keys) {
    if (std::optional<IdentityRow> row = store_.identity(key.device_id, key.module_id)) {
      found.rows.push_back(std::move(*row));
    }
  }
  if (!keys.empty()) found.last = keys.back();
  return found;
}

/// All modules of a device that the scan may give, in no order.
std::vector<IdentityRow> Scan::modules_of(const std::string& device_id) {
  if (!lookup_ || lookup_->by != Lookup::By::tag) return store_.modules(device_id);
  // A lookup goes on with the modules of other devices.
  const std::int64_t at_once = 8 * std::max<std::int64_t>(static_cast<std::int64_t>(lookup_->values.size()), 1);
  std::vector<IdentityRow> modules;
  Found found;
  found.last = {device_id, ""};
  do {
    found = find(found.last, at_once);
    for (IdentityRow& row : found.rows) {
      if (row.device_id == device_id) modules.push_back(std::move(row));
    }
  } while (!found.end && found.last.device_id == device_id);
  return modules;
}

Scan::Batch Scan::next(const Place& after, std::int64_t limit) {
  Batch batch;
  if (kind_ == storage::Store::Kind::devices) {
    Found found = find({after.device_id, ""}, limit);
    batch.rows = std::move(found.rows);
    batch.last = {found.last.device_id, 0, {}};
    batch.end = found.end;
    return batch;
  }
  const auto in_order = [](const IdentityRow& a, const IdentityRow& b) { return place_of(a) < place_of(b); };
  const auto behind = [](const std::string& device) {
    return Place{device, std::numeric_limits<std::int64_t>::max(), kBehindAllModules};
  };
  // The store has modules by their ids: a device's are put in order once all of them are there.
  if (!after.module_id.empty() && after.module_id != kBehindAllModules) {
    for (IdentityRow& row : modules_of(after.device_id)) {
      if (place_of(row) > after) batch.rows.push_back(std::move(row));
    }
    if (!batch.rows.empty()) {
      std::sort(batch.rows.begin(), batch.rows.end(), in_order);
      batch.last = behind(after.device_id);
      return batch;
    }
  }
  Found found = find({after.device_id, kBehindAllModules}, limit);
  batch.rows = std::move(found.rows);
  batch.end = found.end;
  if (!found.end) {
    const std::string& cut_short = found.last.device_id;
    std::erase_if(batch.rows, [&](const IdentityRow& row) { return row.device_id == cut_short; });
    std::vector<IdentityRow> whole = modules_of(cut_short);
    std::move(whole.begin(), whole.end(), std::back_inserter(batch.rows));
    batch.last = behind(cut_short);
  }
  std::sort(batch.rows.begin(), batch.rows.end(), in_order);
  return batch;
}

// ---- rows of jobs ---------------------------------------------------------------------------------------------------

namespace {

/// A document as a key: two with the same id are the same.
struct ById {
  storage::Store::Document document;
  bool operator<(const ById& other) const { return document.id < other.document.id; }
  bool operator==(const ById& other) const { return document.id == other.document.id; }
};

}  // namespace

DeviceJobScan::DeviceJobScan(storage::Store& store, const Expression* condition) : store_(store) {
  if (condition == nullptr) return;
  for (Lookup& lookup : lookups(*condition, Source::jobs)) {
    // Of both, the device: a job may have very many.
    if (!lookup_ || lookup.by == Lookup::By::device_id) lookup_ = std::move(lookup);
  }
}

DeviceJobScan::Batch DeviceJobScan::next(const std::string& after, std::int64_t limit) {
  Batch batch;
  if (!lookup_) {
    batch.rows = store_.documents_after(kDeviceJobDocuments, after, limit);
    batch.end = static_cast<std::int64_t>(batch.rows.size()) < limit;
    return batch;
  }
  const auto rows_of = [&](const TagValue& value, std::int64_t each) {
    std::vector<ById> rows;
    if (lookup_->by == Lookup::By::device_id) {
      for (auto& row : store_.device_jobs_after(text_of(value), after, each)) rows.push_back({std::move(row)});
      return rows;
    }
    const std::string prefix = document_prefix(value);
    for (auto& row : store_.documents_after(kDeviceJobDocuments, std::max(after, prefix), each)) {
      if (!row.id.starts_with(prefix)) break;
      rows.push_back({std::move(row)});
    }
    return rows;
  };
  for (ById& row : merged<ById>(lookup_->values, limit, batch.end, rows_of)) {
    batch.rows.push_back(std::move(row.document));
  }
  return batch;
}

}  // namespace iothub::hub::query
