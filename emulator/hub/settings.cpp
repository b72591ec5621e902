#include "emulator/hub/settings.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "emulator/hub/auth.h"
#include "emulator/hub/device_cas.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/routing/routing.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kPolicyKind = "policy";
constexpr std::string_view kDeviceCaKind = "device-ca";
constexpr std::string_view kRoutingKind = "routing";
constexpr std::string_view kSeededMessagesKind = "seeded-messages";
constexpr std::string_view kRoutingId = "routing";
constexpr std::size_t kMaxPolicyName = 64;  // ARM: SharedAccessSignatureAuthorizationRule, as the portal checks it

bool is_policy_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxPolicyName && std::all_of(name.begin(), name.end(), [](char c) {
    return text::is_alpha(c) || text::is_digit(c) || c == '.' || c == '-' || c == '_';
  });
}

bool is_key(std::string_view key) {
  const auto bytes = text::base64_decode(key);
  return bytes && bytes->size() >= kMinKeyBytes && bytes->size() <= kMaxKeyBytes;
}

Policy policy_of(const Json& json) {
  return {json.at("name").get<std::string>(), static_cast<Rights>(json.at("rights").get<std::uint8_t>()),
          json.at("primaryKey").get<std::string>(), json.at("secondaryKey").get<std::string>()};
}

}  // namespace

Settings::Settings(storage::Store& store, Auth& auth, routing::Routing& routing, OpenEndpoint open_endpoint)
    : store_(store),
      auth_(auth),
      routing_(routing),
      open_endpoint_(std::move(open_endpoint)),
      first_policies_(auth.policies()),
      first_device_cas_(auth.device_cas()) {
  take_up_policies();
  take_up_device_cas();
  take_up_routing();
}

void Settings::take_up_policies() {
  std::vector<Policy> policies = first_policies_;
  for (const storage::Store::Document& document : store_.documents(kPolicyKind)) {
    Policy kept = policy_of(Json::parse(document.json));
    const auto same = std::find_if(policies.begin(), policies.end(), [&](const Policy& policy) {
      return text::equals_ignoring_case(policy.name, kept.name);
    });
    if (same == policies.end()) {
      policies.push_back(std::move(kept));
    } else {
      *same = std::move(kept);
    }
  }
  auth_.set_policies(std::move(policies));
}

void Settings::take_up_device_cas() {
  std::vector<std::string> texts = first_device_cas_;
  for (auto& [name, pem] : device_cas()) texts.push_back(pem);
  if (texts != auth_.device_cas()) auth_.set_device_cas(std::move(texts));
}

void Settings::take_up_routing() {
  const std::string text = store_.document(kRoutingKind, kRoutingId).value_or(std::string());
  if (text == kept_routing_) return;
  routing::Routes routes = text.empty() ? routing::Routes::by_default() : routing::parse_routes(text).value();
  routing::RouteEndpoints endpoints;
  for (const routing::EndpointDescription& endpoint : routes.endpoints) {
    if (!open_endpoint_) throw std::runtime_error("this hub opens no route endpoints");
    endpoints[endpoint.name] = open_endpoint_(endpoint);
  }
  routing_.configure(std::move(routes), std::move(endpoints));
  kept_routing_ = text;
}

Result<void> Settings::put_policy(const Policy& policy) {
  if (!is_policy_name(policy.name)) {
    return argument_invalid("Invalid policy name", "it has 1-64 letters, digits and . _ -");
  }
  if (!is_key(policy.primary_key) || !is_key(policy.secondary_key)) {
    return argument_invalid("Invalid policy key", "keys are base64 of 16 to 64 bytes");
  }
  const Json json = {{"name", policy.name},
                     {"rights", static_cast<std::uint8_t>(policy.rights)},
                     {"primaryKey", policy.primary_key},
                     {"secondaryKey", policy.secondary_key}};
  store_.put_document(kPolicyKind, text::lower(policy.name), dump(json));
  take_up_policies();
  return {};
}

std::map<std::string, std::string> Settings::device_cas() const {
  std::map<std::string, std::string> cas;
  for (const storage::Store::Document& document : store_.documents(kDeviceCaKind)) {
    cas[document.id] = Json::parse(document.json).at("certificate").get<std::string>();
  }
  return cas;
}

Result<void> Settings::put_device_ca(const std::string& name, const std::string& pem) {
  try {
    const DeviceCas tried({pem});
  } catch (const std::invalid_argument& wrong) {
    return argument_invalid("Invalid certificate", wrong.what());
  }
  store_.put_document(kDeviceCaKind, name, dump({{"certificate", pem}}));
  take_up_device_cas();
  return {};
}

Result<void> Settings::put_routing(const std::string& text) {
  const Result<routing::Routes> routes = routing::parse_routes(text);
  if (!routes) return routes.error();
  const auto before = store_.document(kRoutingKind, kRoutingId);
  store_.put_document(kRoutingKind, kRoutingId, routes->text);
  if (routing_.text() != routes->text) kept_routing_.clear();  // others may have configured it since
  try {
    take_up_routing();
  } catch (const storage::Error&) {
    throw;
  } catch (const std::exception& failure) {
    if (before) {
      store_.put_document(kRoutingKind, kRoutingId, *before);
    } else {
      store_.remove_document(kRoutingKind, kRoutingId);
    }
    return argument_invalid("Invalid endpoint", failure.what());
  }
  return {};
}

std::size_t Settings::seeded_messages(const std::string& queue, const std::string& mark) const {
  const auto document = store_.document(kSeededMessagesKind, queue);
  return document ? Json::parse(*document).value(mark, std::size_t{0}) : 0;
}

void Settings::add_seeded_message(const std::string& queue, const std::string& mark) {
  Json counts = Json::parse(store_.document(kSeededMessagesKind, queue).value_or("{}"));
  counts[mark] = counts.value(mark, std::size_t{0}) + 1;
  store_.put_document(kSeededMessagesKind, queue, dump(counts));
}

void Settings::forget() {
  take_up_policies();
  take_up_device_cas();
  take_up_routing();
}

}  // namespace iothub::hub
