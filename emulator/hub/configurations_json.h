#pragma once
/// Configurations as the service writes and reads them (rest.md 5.4: recorded hubs and probes of one): bodies checked
/// once, at the edge, into what evaluation works on.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "emulator/hub/query/parser.h"
#include "protocol/text/timestamp.h"

namespace iothub::hub {

/// Which twins a configuration writes: those of devices (`deviceContent`), of modules (`moduleContent`), or of the
/// modules of IoT Edge devices (`modulesContent`: a deployment).
enum class ConfigurationFamily { device, module, edge };

struct ConfigurationTarget {
  enum class Kind { none, all, condition };
  Kind kind = Kind::none;
  query::ExpressionPtr condition;  ///< Kind::condition only
};

/// One count of `systemMetrics` or `metrics`: how many rows its query has.
struct ConfigurationMetric {
  std::string name;
  std::string text;
  bool system = false;
  bool never = false;  ///< an empty text: no rows (recorded for an empty target condition)
  query::Query query;
};

struct Configuration {
  std::string id;
  Json schema_version;  ///< text or null
  Json labels;          ///< object of texts or null
  Json content;         ///< the one family given, as it came: `{"deviceContent":{...}}`
  std::string target_condition;
  std::int64_t priority = 0;
  Json metric_queries = Json::object();
  std::int64_t etag = 1;
  Timestamp created;
  Timestamp updated;

  ConfigurationFamily family = ConfigurationFamily::device;
  ConfigurationTarget target;
  std::vector<ConfigurationMetric> metrics;  ///< the system's first
  Json system_results = Json::object();      ///< empty until they have been counted once
  Json results = Json::object();

  /// `$lastUpdatedByDigest` of what this version of the configuration writes.
  std::string digest() const { return std::to_string(updated.ticks); }
};

/// In which order configurations are laid one over another: the higher priority, else the newer, stands.
bool is_weaker(const Configuration& a, const Configuration& b);
/// A deployment that stands alone says all of $edgeAgent; a layered one adds to such a base (IoT Edge: layered
/// deployments).
bool is_base(const Configuration& deployment);
/// What a configuration of devices or modules writes.
const Json& twin_content_of(const Configuration& configuration);

/// `[a-z0-9-+%_*!']{1,128}` (probed).
bool valid_configuration_id(std::string_view id);

/// A PUT body; `kept_content` is the existing configuration's, which stays whatever the body says (probed: a change is
/// ignored without a word, yet the body must have one). Etag and times are the caller's to set. Refuses with 400401,
/// 400402, 400404 and 400004.
Result<Configuration> configuration_from_json(const Json& body, const std::string& id, const Json* kept_content);

/// The answer of GET and PUT: recorded member order.
Json configuration_to_json(const Configuration& configuration);

/// What the store keeps; reading it back gives all but the results.
Json configuration_to_document(const Configuration& configuration);
Configuration configuration_from_document(const Json& document);

/// `*`, nothing, or a condition over deviceId, tags and reported properties; of a module configuration one that starts
/// with `from devices.modules where`. Refuses with 400401.
Result<ConfigurationTarget> parse_target(std::string_view text, ConfigurationFamily family);

/// The one family a `content` (or the body of applyConfigurationContent) holds, checked: `{"modulesContent":{...}}`.
/// Refuses with 400402.
Result<Json> checked_content(const Json& content);
ConfigurationFamily family_of(const Json& content);
/// 400402.
HubError invalid_configuration_content(std::string why);

/// POST /configurations/testQueries: the errors are in the answer (rest.md 3 row 24). 400004 for a body that is none.
Result<Json> test_configuration_queries(const Json& body);

}  // namespace iothub::hub
