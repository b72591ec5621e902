#include "emulator/seed/json_schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "protocol/text/nearest_name.h"

namespace iothub::seed {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

const json& resolved(const json& schema, const json& root) {
  const auto reference = schema.find("$ref");
  if (reference == schema.end()) return schema;
  return root.at(json::json_pointer(reference->get<std::string>().substr(1)));
}

/// What the schema says of the place that a context of valijson names; null where it says nothing.
const json* schema_at(const std::vector<std::string>& steps, const json& start, const json& root) {
  const json* at = &resolved(start, root);
  for (const std::string& step : steps) {
    const auto properties = at->find("properties");
    const json* next = nullptr;
    if (properties != at->end() && properties->contains(step)) next = &(*properties)[step];
    if (next == nullptr && at->contains("items")) next = &(*at)["items"];
    if (next == nullptr && at->contains("additionalProperties") && (*at)["additionalProperties"].is_object()) {
      next = &(*at)["additionalProperties"];
    }
    if (next == nullptr) return nullptr;
    at = &resolved(*next, root);
  }
  return at;
}

/// `[devices]` -> `devices`; the first is `<root>`.
std::vector<std::string> steps_of(const std::vector<std::string>& context) {
  std::vector<std::string> steps;
  for (std::size_t i = 1; i < context.size(); ++i) steps.push_back(context[i].substr(1, context[i].size() - 2));
  return steps;
}

std::string list_of(const json& names) {
  if (!names.is_array()) return names.get<std::string>();
  std::string list;
  for (const json& name : names) {
    list += (list.empty() ? "" : ", ") + (name.is_string() ? name.get<std::string>() : name.dump());
  }
  return list;
}

/// `... constraints: 'nmae'.` behind the marker.
std::string quoted_in(std::string_view description, std::string_view marker) {
  const std::size_t from = description.find(marker) + marker.size();
  return std::string(description.substr(from, description.rfind('\'') - from));
}

LocatedError explained(const Document& document, const valijson::ValidationResults::Error& error, const json* schema,
                       std::string pointer) {
  const std::string& said = error.description;
  if (said.starts_with("Object contains a property")) {
    const std::string name = quoted_in(said, "constraints: '");
    std::string what = "there is no member '" + name + "'";
    std::vector<std::string_view> known;
    if (schema != nullptr && schema->contains("properties")) {
      for (const auto& [each, unused] : (*schema)["properties"].items()) {
        known.push_back((*schema)["properties"].find(each).key());
      }
    }
    if (!known.empty()) what += ": the nearest one is '" + std::string(text::nearest_name(name, known)) + "'";
    return document.error(pointer + "/" + pointer_step(name), what);
  }
  if (said.starts_with("Missing required property")) {
    return document.error(pointer, "'" + quoted_in(said, "property '") + "' is missing");
  }
  if (schema != nullptr && said.starts_with("Value type not permitted")) {
    std::string what = "it has to be of type " + list_of((*schema)["type"]);
    if ((*schema)["type"] == "string") what += " (quote it)";
    return document.error(pointer, what);
  }
  if (schema != nullptr && said.starts_with("Failed to match against any enum")) {
    return document.error(pointer, "it has to be one of " + list_of((*schema)["enum"]));
  }
  if (schema != nullptr && said.starts_with("Expected number greater than or equal to")) {
    return document.error(pointer, "it has to be " + (*schema)["minimum"].dump() + " or more");
  }
  if (schema != nullptr && said.starts_with("Failed to match regex")) {
    return document.error(pointer, "it is not as it has to be: " + (schema->contains("description")
                                                                        ? (*schema)["description"].get<std::string>()
                                                                        : (*schema)["pattern"].get<std::string>()));
  }
  return document.error(pointer, said);
}

}  // namespace

struct JsonSchema::Loaded {
  json root;
  json start;
  valijson::Schema schema{};
};

JsonSchema::JsonSchema(std::string_view text, const char* definition) : loaded_(std::make_unique<Loaded>()) {
  loaded_->root = json::parse(text);
  loaded_->start = loaded_->root;
  if (definition != nullptr) {
    loaded_->start = loaded_->root["definitions"][definition];
    loaded_->start["definitions"] = loaded_->root["definitions"];
  }
  const Adapter start(loaded_->start);
  valijson::SchemaParser().populateSchema(start, loaded_->schema);
}

JsonSchema::~JsonSchema() = default;

std::optional<LocatedError> JsonSchema::check(const Document& document, const hub::Json& value,
                                              const std::string& pointer) const {
  valijson::Validator validator;
  const json plain(value);
  const Adapter target(plain);
  // Without collecting errors first: much faster.
  if (validator.validate(loaded_->schema, target, nullptr)) return std::nullopt;
  valijson::ValidationResults results;
  validator.validate(loaded_->schema, target, &results);
  // The innermost tells what is wrong; the ones around it, that something is.
  const valijson::ValidationResults::Error* deepest = nullptr;
  for (const auto& error : results) {
    if (deepest == nullptr || error.context.size() > deepest->context.size()) deepest = &error;
  }
  const std::vector<std::string> steps = steps_of(deepest->context);
  std::string place = pointer;
  for (const std::string& step : steps) place += "/" + pointer_step(step);
  return explained(document, *deepest, schema_at(steps, loaded_->start, loaded_->root), place);
}

}  // namespace iothub::seed
