#include "emulator/hub/configurations_count.h"

#include <algorithm>

namespace iothub::hub {

MetricCounts::MetricCounts(const std::map<std::string, Configuration>& configurations) {
  for (const auto& [id, configuration] : configurations) {
    for (const ConfigurationMetric& metric : configuration.metrics) counts_.push_back({&id, &metric, 0, {}});
  }
}

void MetricCounts::look_at(query::Source source, const query::Row& row) {
  for (Count& count : counts_) {
    const query::Query& query = count.metric->query;
    if (count.metric->never || query.source != source) continue;
    if (query.where && !query::is_true(query::evaluate(*query.where, row))) continue;
    ++count.rows;
    if (query.group_by.empty()) continue;
    Json key = Json::array();
    for (const query::Path& path : query.group_by) {
      const std::optional<Json> value = row.json(path);
      key.push_back(value ? Json::array({*value}) : Json::array());
    }
    count.groups.insert(dump(key));
  }
}

std::int64_t MetricCounts::rows_of(const Count& count) {
  if (count.metric->never) return 0;
  const query::Query& query = count.metric->query;
  std::int64_t rows = count.rows;
  if (!query.group_by.empty()) {
    rows = static_cast<std::int64_t>(count.groups.size());
  } else if (query.aggregates()) {
    rows = 1;  // also over nothing
  }
  return query.top ? std::min(*query.top, rows) : rows;
}

void MetricCounts::store(std::map<std::string, Configuration>& configurations) const {
  for (const Count& count : counts_) {
    Configuration& configuration = configurations.at(*count.configuration);
    Json& results = count.metric->system ? configuration.system_results : configuration.results;
    results[count.metric->name] = rows_of(count);
  }
}

}  // namespace iothub::hub
