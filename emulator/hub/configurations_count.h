#pragma once
/// Counts the rows of configurations' metric queries while somebody else walks over the twins, each of them once.
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "emulator/hub/configurations_json.h"
#include "emulator/hub/query/expression.h"

namespace iothub::hub {

class MetricCounts {
 public:
  /// Borrows the configurations' metrics.
  explicit MetricCounts(const std::map<std::string, Configuration>& configurations);

  /// A twin of a device or of a module, as `source` says.
  void look_at(query::Source source, const query::Row& row);
  /// Puts the counts into the results of these configurations: those of the constructor.
  void store(std::map<std::string, Configuration>& configurations) const;
  std::size_t query_count() const { return counts_.size(); }

 private:
  struct Count {
    const std::string* configuration;
    const ConfigurationMetric* metric;
    std::int64_t rows = 0;
    std::set<std::string> groups;  ///< GROUP BY: a row each
  };
  static std::int64_t rows_of(const Count& count);

  std::vector<Count> counts_;
};

}  // namespace iothub::hub
