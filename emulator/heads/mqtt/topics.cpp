#include "emulator/heads/mqtt/topics.h"

#include <array>
#include <utility>

#include "protocol/text/ascii.h"
#include "protocol/text/percent.h"

namespace iothub::heads::mqtt_head {
namespace {

struct SystemProperty {
  std::string_view short_name;  ///< what follows `$.`
  std::string_view name;        ///< empty: dropped
};
// rest.md 9.2. cdid and cmid, which Java sends with every message, repeat what the hub stamps from the connection
// itself.
constexpr std::array kSystemProperties{
    SystemProperty{"mid", "message-id"},
    SystemProperty{"cid", "correlation-id"},
    SystemProperty{"uid", "user-id"},
    SystemProperty{"to", "to"},
    SystemProperty{"exp", "absolute-expiry-time"},
    SystemProperty{"ct", "content-type"},
    SystemProperty{"ce", "content-encoding"},
    SystemProperty{"ctime", "creation-time"},
    SystemProperty{"on", "output-name"},
    SystemProperty{"sub", "dt-subject"},
    SystemProperty{"ifid", "iothub-interface-id"},
    SystemProperty{"schema", "iothub-message-schema"},
    SystemProperty{"diagid", "Diagnostic-Id"},
    SystemProperty{"diagctx", "Correlation-Context"},
    SystemProperty{"cdid", {}},
    SystemProperty{"cmid", {}},
};

const SystemProperty* find_system_property(std::string_view name) {
  if (!name.starts_with("$.")) return nullptr;
  name.remove_prefix(2);
  for (const SystemProperty& known : kSystemProperties) {
    if (known.short_name == name) return &known;
  }
  return nullptr;
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// The `$rid` of `?$rid=..&..`, as it stands.
std::optional<std::string_view> rid_of(std::string_view query) {
  if (!skip(query, "?")) return std::nullopt;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    if (skip(pair, "$rid=")) return pair;
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return std::nullopt;
}

PublishTopic foreign(std::string_view why) {
  return ForeignTopic{std::string(why)};
}

/// `tail` is what follows the identity's `/messages/events`.
PublishTopic parse_telemetry(std::string_view tail) {
  if (tail.empty()) return TelemetryTopic{};
  if (!skip(tail, "/")) return foreign("the topic goes on after 'events' without a slash");
  if (tail.ends_with('/')) tail.remove_suffix(1);
  std::optional<PropertyBag> properties = parse_property_bag(tail);
  if (!properties) return foreign("the topic's property bag is malformed: a percent sequence, or a name that is empty");
  return TelemetryTopic{std::move(*properties)};
}

/// `tail` is what follows `$iothub/methods/res/`.
PublishTopic parse_method_response(std::string_view tail) {
  const std::string_view digits = tail.substr(0, tail.find('/'));
  int status = 0;
  if (digits.empty() || digits.size() > 9) return foreign("the method response's status is not a number");
  for (const char c : digits) {
    if (!text::is_digit(c)) return foreign("the method response's status is not a number");
    status = status * 10 + (c - '0');
  }
  tail.remove_prefix(digits.size());
  const std::optional<std::string_view> rid = skip(tail, "/") ? rid_of(tail) : std::nullopt;
  if (!rid) return foreign("the method response names no $rid");
  return MethodResponseTopic{status, *rid};
}

/// .NET's format "o": `2026-11-22T02:33:52.0000000Z`.
std::string round_trip_time(Timestamp time) {
  constexpr std::size_t kWithoutZone = 27;
  std::string text = text::iso_time_without_zone(time);
  if (text.find('.') == std::string::npos) text += '.';
  text.resize(kWithoutZone, '0');
  return text + 'Z';
}

void append_property(std::string& bag, std::string_view name, std::string_view value) {
  if (bag.back() != '/') bag += '&';
  bag += text::percent_encode(name) + "=" + text::percent_encode(value);
}

}  // namespace

std::optional<PropertyBag> parse_property_bag(std::string_view text) {
  PropertyBag bag;
  skip(text, "?");
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;

    const std::size_t equals = pair.find('=');
    std::optional<std::string> name = text::percent_decode(pair.substr(0, equals));
    std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : text::percent_decode(pair.substr(equals + 1));
    if (!name || name->empty() || !value) return std::nullopt;

    const SystemProperty* system = find_system_property(*name);
    if (system == nullptr) {
      bag.application.emplace_back(std::move(*name), std::move(*value));
    } else if (!system->name.empty()) {
      bag.system.emplace_back(system->name, std::move(*value));
    }
  }
  return bag;
}

PublishTopic parse_publish_topic(std::string_view topic, const hub::Identity& self) {
  if (skip(topic, "$iothub/")) {
    if (skip(topic, "methods/res/")) return parse_method_response(topic);
    const bool is_get = skip(topic, "twin/GET/");
    if (!is_get && !skip(topic, "twin/PATCH/properties/reported/"))
      return foreign("no such $iothub topic is published to");
    const std::optional<std::string_view> rid = rid_of(topic);
    if (!rid) return foreign("the twin request names no $rid");
    if (is_get) return TwinGetTopic{*rid};
    return ReportedPatchTopic{*rid};
  }
  const bool is_own = skip(topic, "devices/") && skip(topic, self.device.value) &&
                      (!self.is_module() || (skip(topic, "/modules/") && skip(topic, self.module.value)));
  if (!is_own || !skip(topic, "/messages/events")) {
    return foreign("a hub is no broker: '" + self.name() + "' publishes to its own events topic and to $iothub only");
  }
  return parse_telemetry(topic);
}

std::string twin_response_topic(int status, std::string_view rid, std::optional<std::int64_t> version) {
  std::string topic = "$iothub/twin/res/" + std::to_string(status) + "/?$rid=";
  topic += rid;
  if (version) topic += "&$version=" + std::to_string(*version);
  return topic;
}

std::string desired_patch_topic(std::int64_t version) {
  return "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version);
}

std::string method_request_topic(std::string_view name, std::string_view rid) {
  std::string topic = "$iothub/methods/POST/";
  // A component's command keeps its asterisk: Node and Java match the segment undecoded against `component*command`
  // (azure-iot-device-mqtt 1.16.4 mqtt.js; java-csharp-c-sdk.md 4.1).
  for (const char c : name) topic += c == '*' ? "*" : text::percent_encode({&c, 1});
  return topic + "/?$rid=" + std::string(rid);
}

std::string devicebound_topic(const hub::Identity& self, const hub::C2dMessage& message) {
  std::string topic = "devices/" + self.device.value;
  if (self.is_module()) topic += "/modules/" + self.module.value;
  topic += "/messages/devicebound/";
  if (!message.message_id.empty()) append_property(topic, "$.mid", message.message_id);
  append_property(topic, "$.to", message.to);
  if (message.expiry) append_property(topic, "$.exp", round_trip_time(*message.expiry));
  if (!message.correlation_id.empty()) append_property(topic, "$.cid", message.correlation_id);
  if (!message.user_id.empty()) append_property(topic, "$.uid", message.user_id);
  if (!message.content_type.empty()) append_property(topic, "$.ct", message.content_type);
  if (!message.content_encoding.empty()) append_property(topic, "$.ce", message.content_encoding);
  if (message.ack != hub::C2dMessage::Ack::none) append_property(topic, "iothub-ack", to_string(message.ack));
  for (const auto& [name, value] : message.properties) append_property(topic, name, value);
  return topic;
}

}  // namespace iothub::heads::mqtt_head
