#include "emulator/hub/configurations_json.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "emulator/hub/configurations_content.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/twin_validation.h"
#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kModulesPrefix = "from devices.modules where ";
constexpr std::size_t kMaxConfigurationIdLength = 128;  // Swagger, Configuration.id

struct FamilyRow {
  ConfigurationFamily family;
  const char* member;
};
constexpr FamilyRow kFamilies[] = {{ConfigurationFamily::device, "deviceContent"},
                                   {ConfigurationFamily::module, "moduleContent"},
                                   {ConfigurationFamily::edge, "modulesContent"}};

HubError invalid_target_condition(std::string why) {
  return {ErrorCode::InvalidConfigurationTargetCondition, "Invalid target condition: " + std::move(why), {}, {}};
}
HubError invalid_metric_query(const std::string& name, const std::string& why) {
  return {
      ErrorCode::InvalidConfigurationCustomMetricsQuery, "Invalid custom metric query '" + name + "': " + why, {}, {}};
}

/// What a target condition may name: the documentation's list, which a real hub enforces (probed).
bool is_targetable(const query::Path& path, ConfigurationFamily family) {
  const auto name = [&](std::size_t step) {
    const std::string* text = step < path.steps.size() ? std::get_if<std::string>(&path.steps[step]) : nullptr;
    return text == nullptr ? std::string_view() : std::string_view(*text);
  };
  if (path.steps.size() == 1 && name(0) == "deviceId") return true;
  if (path.steps.size() == 1 && name(0) == "moduleId") return family == ConfigurationFamily::module;
  if (name(0) == "tags") return path.steps.size() > 1;
  return name(0) == "properties" && name(1) == "reported" && path.steps.size() > 2;
}

/// The first path in the condition that it may not name; null when there is none.
const query::Path* foreign_path(const query::Expression& expression, ConfigurationFamily family) {
  if (const auto* path = std::get_if<query::Path>(&expression.node))
    return is_targetable(*path, family) ? nullptr : path;
  const std::vector<query::ExpressionPtr>* children = nullptr;
  if (const auto* operation = std::get_if<query::Operation>(&expression.node)) children = &operation->operands;
  if (const auto* call = std::get_if<query::Call>(&expression.node)) children = &call->arguments;
  if (children == nullptr) return nullptr;
  for (const query::ExpressionPtr& child : *children) {
    if (const query::Path* path = foreign_path(*child, family)) return path;
  }
  return nullptr;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && text::equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// `properties.desired` or a path below it.
bool is_desired_key(std::string_view key) {
  constexpr std::string_view kDesired = "properties.desired";
  if (!key.starts_with(kDesired)) return false;
  key.remove_prefix(kDesired.size());
  return key.empty() || (key.front() == '.' && key.back() != '.' && key.find("..") == std::string_view::npos);
}

/// One twin's content: `{"properties.desired.a.b": value, ...}`.
Result<void> check_twin_content(const Json& content, const std::string& name) {
  if (!content.is_object()) return invalid_configuration_content("'" + name + "' is not a JSON object");
  for (const auto& [key, value] : content.items()) {
    if (!is_desired_key(key)) return invalid_configuration_content("'" + key + "' is not a path of properties.desired");
    if (key == "properties.desired" && !value.is_object())
      return invalid_configuration_content("'" + key + "' is not a JSON object");
  }
  const Json tree = tree_of(leaves_of(content));
  if (const Result<void> valid = validate_section(tree, "properties.desired"); !valid) {
    return invalid_configuration_content(valid.error().message);
  }
  if (const Result<void> fits = check_section_size(tree, "properties.desired", kMaxTwinPropertiesBytes); !fits) {
    return invalid_configuration_content(fits.error().message);
  }
  return {};
}

std::string targeted_query(const Configuration& configuration) {
  const bool all = configuration.target.kind == ConfigurationTarget::Kind::all;
  // Recorded: an empty condition has an empty query.
  if (configuration.target.kind == ConfigurationTarget::Kind::none) return {};
  switch (configuration.family) {
    case ConfigurationFamily::device:
      return "select deviceId from devices" + (all ? std::string() : " where " + configuration.target_condition);
    case ConfigurationFamily::module:
      return "select deviceId, moduleId " + configuration.target_condition;
    case ConfigurationFamily::edge:
      return "select deviceId from devices where capabilities.iotEdge = true" +
             (all ? std::string() : " and " + configuration.target_condition);
  }
  return {};
}

void add_system_metrics(Configuration& configuration) {
  const auto add = [&](std::string name, std::string text) {
    configuration.metrics.push_back({std::move(name), std::move(text), true, false, {}});
  };
  const std::string applied = "configurations.[[" + configuration.id + "]].status = 'Applied'";
  add("targetedCount", targeted_query(configuration));
  switch (configuration.family) {
    case ConfigurationFamily::device:
      add("appliedCount", "select deviceId from devices where " + applied);
      return;
    case ConfigurationFamily::module:
      add("appliedCount", "select deviceId, moduleId from devices.modules where " + applied);
      return;
    case ConfigurationFamily::edge: {
      // As a hub of 2019 showed them (iot-edge deployments listed in public posts): $edgeAgent's twin carries the
      // status.
      const std::string agents = "select deviceId from devices.modules where moduleId = '$edgeAgent' and " + applied;
      const std::string answered = agents +
                                   " and properties.desired.$version = properties.reported.lastDesiredVersion and "
                                   "properties.reported.lastDesiredStatus.code ";
      add("appliedCount", agents);
      add("reportedSuccessfulCount", answered + "= 200");
      add("reportedFailedCount", answered + "!= 200");
      return;
    }
  }
}

/// Fills what is derived from the stored members: family, target, metrics. Refuses what a body may have wrong.
Result<void> derive(Configuration& configuration) {
  configuration.family = family_of(configuration.content);
  Result<ConfigurationTarget> target = parse_target(configuration.target_condition, configuration.family);
  if (!target) return target.error();
  configuration.target = std::move(*target);
  add_system_metrics(configuration);
  for (const auto& [name, text] : configuration.metric_queries.items()) {
    configuration.metrics.push_back({name, text.get<std::string>(), false, false, {}});
  }
  for (ConfigurationMetric& metric : configuration.metrics) {
    metric.never = metric.system && metric.text.empty();
    if (metric.never) continue;
    Result<query::Query> parsed = query::parse_query(metric.text);
    if (!parsed && metric.system) return invalid_target_condition(parsed.error().reason);
    if (!parsed) return invalid_metric_query(metric.name, parsed.error().reason);
    if (parsed->source == query::Source::jobs) return invalid_metric_query(metric.name, "it asks for jobs");
    metric.query = std::move(*parsed);
  }
  return {};
}

Result<Json> labels_of(const Json& body) {
  const Json* labels = member(body, "labels");
  if (labels == nullptr) return Json();
  const bool texts = labels->is_object() && std::all_of(labels->begin(), labels->end(), [](const Json& label) {
                       return label.is_string() || label.is_null();
                     });
  if (!texts) return bad_request("'labels' is not a JSON object of strings");
  return *labels;
}

Result<Json> metric_queries_of(const Json& body) {
  const Json* metrics = member(body, "metrics");
  if (metrics == nullptr) return Json::object();
  if (!metrics->is_object()) return bad_request("'metrics' is not a JSON object");
  const Json* queries = member(*metrics, "queries");
  if (queries == nullptr) return Json::object();
  const bool texts = queries->is_object() &&
                     std::all_of(queries->begin(), queries->end(), [](const Json& query) { return query.is_string(); });
  if (!texts) return bad_request("'metrics.queries' is not a JSON object of strings");
  return *queries;
}

}  // namespace

HubError invalid_configuration_content(std::string why) {
  return {ErrorCode::InvalidConfigurationContent, "Invalid configuration content: " + std::move(why), {}, {}};
}

bool valid_configuration_id(std::string_view id) {
  constexpr std::string_view kMarks = "-+%_*!'";
  return !id.empty() && id.size() <= kMaxConfigurationIdLength && std::all_of(id.begin(), id.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || text::is_digit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

Result<ConfigurationTarget> parse_target(std::string_view text, ConfigurationFamily family) {
  if (text.empty()) return ConfigurationTarget{};
  const bool modules = family == ConfigurationFamily::module;
  if (text == "*" && !modules) return ConfigurationTarget{ConfigurationTarget::Kind::all, nullptr};
  if (modules) {
    if (!starts_with_ignoring_case(text, kModulesPrefix)) {
      return invalid_target_condition("one of modules starts with 'from devices.modules where'");
    }
    text.remove_prefix(kModulesPrefix.size());
  }
  Result<query::ExpressionPtr> condition = query::parse_condition(text);
  if (!condition) return invalid_target_condition(condition.error().reason);
  if (const query::Path* path = foreign_path(**condition, family)) {
    return invalid_target_condition("'" + path->text() + "' is none of deviceId, tags and properties.reported");
  }
  return ConfigurationTarget{ConfigurationTarget::Kind::condition, std::move(*condition)};
}

ConfigurationFamily family_of(const Json& content) {
  for (const FamilyRow& row : kFamilies) {
    if (content.contains(row.member)) return row.family;
  }
  return ConfigurationFamily::device;
}

Result<Json> checked_content(const Json& content) {
  if (!content.is_object()) return invalid_configuration_content("it is not a JSON object");
  const FamilyRow* given = nullptr;
  for (const FamilyRow& row : kFamilies) {
    const Json* family = member(content, row.member);
    if (family == nullptr || (family->is_object() && family->empty())) continue;
    if (given != nullptr)
      return invalid_configuration_content(std::string("both '") + given->member + "' and '" + row.member + "'");
    given = &row;
  }
  if (given == nullptr) return invalid_configuration_content("none of deviceContent, moduleContent and modulesContent");
  const Json& family = content[given->member];
  if (given->family != ConfigurationFamily::edge) {
    if (const Result<void> valid = check_twin_content(family, given->member); !valid) return valid.error();
    return Json{{given->member, family}};
  }
  if (!family.is_object()) return invalid_configuration_content("'modulesContent' is not a JSON object");
  if (!family.contains("$edgeAgent")) return invalid_configuration_content("'modulesContent' has no $edgeAgent");
  for (const auto& [module, twin] : family.items()) {
    const bool system = module == "$edgeAgent" || module == "$edgeHub";
    if (!valid_id(module) || (module.starts_with('$') && !system)) {
      return invalid_configuration_content("'" + module + "' is no module id");
    }
    if (const Result<void> valid = check_twin_content(twin, module); !valid) return valid.error();
  }
  for (const std::string& module : modules_named_by(family)) {
    if (!valid_id(module) || module.starts_with('$'))
      return invalid_configuration_content("'" + module + "' is no module id");
  }
  return Json{{given->member, family}};
}

bool is_weaker(const Configuration& a, const Configuration& b) {
  return std::tie(a.priority, a.created, a.id) < std::tie(b.priority, b.created, b.id);
}

bool is_base(const Configuration& deployment) {
  return deployment.content["modulesContent"]["$edgeAgent"].contains("properties.desired");
}

const Json& twin_content_of(const Configuration& configuration) {
  return configuration.content[configuration.family == ConfigurationFamily::module ? "moduleContent" : "deviceContent"];
}

Result<Configuration> configuration_from_json(const Json& body, const std::string& id, const Json* kept_content) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  if (const Json* said = member(body, "id"); said != nullptr && *said != id) {
    return bad_request("the body's id is not the path's '" + id + "'");
  }
  Configuration configuration;
  configuration.id = id;
  if (const Json* version = member(body, "schemaVersion")) {
    if (!version->is_string()) return bad_request("'schemaVersion' is not a string");
    configuration.schema_version = *version;
  }
  Result<Json> labels = labels_of(body);
  if (!labels) return labels.error();
  configuration.labels = std::move(*labels);
  if (const Json* condition = member(body, "targetCondition")) {
    if (!condition->is_string()) return bad_request("'targetCondition' is not a string");
    configuration.target_condition = condition->get<std::string>();
  }
  if (const Json* priority = member(body, "priority")) {
    if (!priority->is_number_integer() || *priority < 0 || *priority > INT32_MAX) {
      return bad_request("'priority' is not an integer from 0 to 2147483647");
    }
    configuration.priority = priority->get<std::int64_t>();
  }
  Result<Json> queries = metric_queries_of(body);
  if (!queries) return queries.error();
  configuration.metric_queries = std::move(*queries);
  const Json* content = member(body, "content");
  if (content == nullptr) return invalid_configuration_content("there is none");
  if (kept_content != nullptr) {
    configuration.content = *kept_content;
  } else {
    Result<Json> checked = checked_content(*content);
    if (!checked) return checked.error();
    configuration.content = std::move(*checked);
  }
  if (const Result<void> derived = derive(configuration); !derived) return derived.error();
  return configuration;
}

Json configuration_to_json(const Configuration& configuration) {
  Json system_queries = Json::object();
  for (const ConfigurationMetric& metric : configuration.metrics) {
    if (metric.system) system_queries[metric.name] = metric.text;
  }
  Json json;
  json["id"] = configuration.id;
  json["schemaVersion"] = configuration.schema_version;
  json["labels"] = configuration.labels;
  json["content"] = configuration.content;
  json["targetCondition"] = configuration.target_condition;
  json["createdTimeUtc"] = text::iso_time(configuration.created);
  json["lastUpdatedTimeUtc"] = text::iso_time(configuration.updated);
  json["priority"] = configuration.priority;
  json["systemMetrics"] = {{"results", configuration.system_results}, {"queries", std::move(system_queries)}};
  json["metrics"] = {{"results", configuration.results}, {"queries", configuration.metric_queries}};
  json["etag"] = identity_etag(configuration.etag);
  return json;
}

Json configuration_to_document(const Configuration& configuration) {
  return {{"id", configuration.id},
          {"schemaVersion", configuration.schema_version},
          {"labels", configuration.labels},
          {"content", configuration.content},
          {"targetCondition", configuration.target_condition},
          {"priority", configuration.priority},
          {"metricQueries", configuration.metric_queries},
          {"etag", configuration.etag},
          {"created", configuration.created.ticks},
          {"updated", configuration.updated.ticks}};
}

Configuration configuration_from_document(const Json& document) {
  Configuration configuration;
  configuration.id = document.at("id").get<std::string>();
  configuration.schema_version = document.at("schemaVersion");
  configuration.labels = document.at("labels");
  configuration.content = document.at("content");
  configuration.target_condition = document.at("targetCondition").get<std::string>();
  configuration.priority = document.at("priority").get<std::int64_t>();
  configuration.metric_queries = document.at("metricQueries");
  configuration.etag = document.at("etag").get<std::int64_t>();
  configuration.created = {document.at("created").get<std::int64_t>()};
  configuration.updated = {document.at("updated").get<std::int64_t>()};
  derive(configuration).value();  // it was accepted once
  return configuration;
}

Result<Json> test_configuration_queries(const Json& body) {
  if (!body.is_object()) return bad_request("the body is not a JSON object");
  Json condition_error;
  if (const Json* condition = member(body, "targetCondition")) {
    if (!condition->is_string()) return bad_request("'targetCondition' is not a string");
    const std::string& text = condition->get_ref<const std::string&>();
    const bool modules = starts_with_ignoring_case(text, kModulesPrefix);
    const auto target = parse_target(text, modules ? ConfigurationFamily::module : ConfigurationFamily::device);
    if (!target) condition_error = target.error().message;
    // Probed: PUT takes it, this does not.
    if (text == "*") condition_error = "Invalid target condition: '*' cannot be tested";
  }
  Json query_errors = Json::object();
  if (const Json* queries = member(body, "customMetricQueries")) {
    if (!queries->is_object()) return bad_request("'customMetricQueries' is not a JSON object");
    for (const auto& [name, text] : queries->items()) {
      if (!text.is_string()) return bad_request("'customMetricQueries' holds something other than strings");
      const Result<query::Query> parsed = query::parse_query(text.get_ref<const std::string&>());
      if (!parsed) query_errors[name] = parsed.error().reason;
      if (parsed && parsed->source == query::Source::jobs) query_errors[name] = "it asks for jobs";
    }
  }
  return Json{{"targetConditionError", std::move(condition_error)},
              {"customMetricQueryErrors", std::move(query_errors)}};
}

}  // namespace iothub::hub
