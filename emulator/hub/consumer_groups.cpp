#include "emulator/hub/consumer_groups.h"

#include <algorithm>

#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "protocol/text/ascii.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

/// By the name in lower case; the document holds it as it was written.
constexpr const char* kKind = "consumer_group";
constexpr std::size_t kLongestName = 50;

bool is_default(std::string_view name) {
  return text::equals_ignoring_case(name, kDefaultConsumerGroup);
}

bool is_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) { return text::is_alpha(c) || text::is_digit(c); };
  return !name.empty() && name.size() <= kLongestName && is_alphanumeric(name.front()) &&
         is_alphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
           return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
         });
}

}  // namespace

std::vector<std::string> ConsumerGroups::list() const {
  std::vector<std::string> names{std::string(kDefaultConsumerGroup)};
  for (const storage::Store::Document& document : store_.documents(kKind)) {
    names.push_back(Json::parse(document.json).get<std::string>());
  }
  return names;
}

bool ConsumerGroups::contains(std::string_view name) const {
  return is_default(name) || store_.document(kKind, text::lower(name)).has_value();
}

Result<void> ConsumerGroups::add(const std::string& name) {
  if (contains(name)) return {};
  if (!is_name(name)) {
    return bad_request("'" + name + "' is no name of a consumer group: 1 to 50 letters, digits, . - _, " +
                       "with a letter or digit at both ends");
  }
  if (list().size() >= kMaxConsumerGroups) return bad_request("a hub has at most 20 consumer groups");
  store_.put_document(kKind, text::lower(name), dump(Json(name)));
  return {};
}

Result<bool> ConsumerGroups::remove(std::string_view name) {
  if (is_default(name)) return bad_request("the consumer group $Default cannot be removed");
  const std::string key = text::lower(name);
  if (!store_.remove_document(kKind, key)) return false;
  removed_.tell(key);
  return true;
}

}  // namespace iothub::hub
