#pragma once
/// The topics of IoT Hub's MQTT API (documentation: Use MQTT to communicate with IoT Hub; corrections.md 5;
/// rest.md 9.2).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "emulator/hub/c2d.h"
#include "emulator/hub/events.h"
#include "emulator/hub/ids.h"

namespace iothub::heads::mqtt_head {

/// The message properties a topic's tail carries, decoded.
struct PropertyBag {
  hub::Telemetry::Properties system;       ///< by the service's names (hub/events.h), in the order sent
  hub::Telemetry::Properties application;  ///< in the order sent
};

/// Reads `k=v&k2&k3=`, percent-encoded, with or without a leading `?`; `k2` alone has an empty value. `$.mid` and its
/// like become system properties, also where the dollar is encoded; an unknown `$.x` stays an application property.
/// Nothing when a percent sequence is malformed or a name is empty.
std::optional<PropertyBag> parse_property_bag(std::string_view text);

// What a PUBLISH topic asks for. Views point into the topic; a rid stands as sent, still percent-encoded.
struct TelemetryTopic {
  PropertyBag properties;
};
struct TwinGetTopic {
  std::string_view rid;
};
struct ReportedPatchTopic {
  std::string_view rid;
};
struct MethodResponseTopic {
  int status = 0;
  std::string_view rid;
};
/// A topic this client may not publish to; the connection ends (corrections.md 5).
struct ForeignTopic {
  std::string reason;  ///< for the log
};
using PublishTopic = std::variant<TelemetryTopic, TwinGetTopic, ReportedPatchTopic, MethodResponseTopic, ForeignTopic>;

/// What `topic` means when `self` publishes to it. The events topic is accepted with and without its trailing slash,
/// and with one more slash after the properties (Node's module outputs, Java's modules).
PublishTopic parse_publish_topic(std::string_view topic, const hub::Identity& self);

/// `$iothub/twin/res/{status}/?$rid={rid}[&$version={n}]`: the version after the rid, where the Java SDK looks for it.
std::string twin_response_topic(int status, std::string_view rid, std::optional<std::int64_t> version);

/// `$iothub/twin/PATCH/properties/desired/?$version={n}`: the Java SDK reads all after `=` as the number.
std::string desired_patch_topic(std::int64_t version);

/// `$iothub/methods/POST/{name}/?$rid={rid}`, the name percent-encoded (the Python SDK decodes it).
std::string method_request_topic(std::string_view name, std::string_view rid);

/// `devices/{d}[/modules/{m}]/messages/devicebound/{bag}`: names and values percent-encoded with the dollar, so that no
/// slash stands raw; `%24.to` is always there (C# wants a property, Java looks for the first `%24`); `%24.exp` in
/// .NET's round-trip form with seven decimals (C# takes no other); iothub-ack only when the sender asked for feedback.
std::string devicebound_topic(const hub::Identity& self, const hub::C2dMessage& message);

}  // namespace iothub::heads::mqtt_head
