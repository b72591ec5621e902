#include "emulator/heads/amqp/telemetry_message.h"

#include <array>
#include <utility>

#include "emulator/heads/amqp/message_values.h"

namespace iothub::heads::amqp_head {
namespace {

struct SystemProperty {
  std::string_view sent;
  std::string_view name;  ///< the service's; empty: dropped
};
// What Java and C# send as application properties; iothub-ack stays one, as over MQTT.
constexpr std::array kAmongProperties{
    SystemProperty{"iothub-outputname", "output-name"},
    SystemProperty{"iothub-creation-time-utc", "creation-time"},
    SystemProperty{"iothub-message-schema", "iothub-message-schema"},
    SystemProperty{"iothub-operation", {}},
    SystemProperty{"iothub-connection-device-id", {}},
    SystemProperty{"iothub-connection-module-id", {}},
};
constexpr std::array kAmongAnnotations{
    SystemProperty{"dt-subject", "dt-subject"},
    SystemProperty{"iothub-interface-id", "iothub-interface-id"},
    SystemProperty{"Diagnostic-Id", "Diagnostic-Id"},
    SystemProperty{"Correlation-Context", "Correlation-Context"},
};

template <typename Table>
const SystemProperty* find(const Table& table, std::string_view sent) {
  for (const SystemProperty& known : table) {
    if (known.sent == sent) return &known;
  }
  return nullptr;
}

void add(hub::Telemetry::Properties& properties, std::string_view name, std::string value) {
  if (!name.empty() && !value.empty()) properties.emplace_back(name, std::move(value));
}

void add(hub::Telemetry::Properties& properties, std::string_view name, const std::optional<std::string>& value) {
  if (value) add(properties, name, *value);
}

void add(hub::Telemetry::Properties& properties, std::string_view name, const std::optional<amqp::Time>& value) {
  if (value) add(properties, name, property_text(*value));
}

}  // namespace

hub::Telemetry telemetry_of(const amqp::Message& message, std::string& body) {
  hub::Telemetry telemetry;
  hub::Telemetry::Properties& system = telemetry.system_properties;
  add(system, "message-id", amqp::text_of(message.message_id));
  add(system, "correlation-id", amqp::text_of(message.correlation_id));
  add(system, "user-id", message.user_id);
  add(system, "content-type", message.content_type);
  add(system, "content-encoding", message.content_encoding);
  add(system, "absolute-expiry-time", message.absolute_expiry_time);
  add(system, "creation-time", message.creation_time);

  const std::vector<amqp::Value>& annotations = message.annotations.flat;
  for (std::size_t i = 0; i + 1 < annotations.size(); i += 2) {
    const SystemProperty* known = find(kAmongAnnotations, amqp::text_of(annotations[i]).value_or(""));
    if (known != nullptr) add(system, known->name, property_text(annotations[i + 1]));
  }
  const std::vector<amqp::Value>& properties = message.application_properties.flat;
  for (std::size_t i = 0; i + 1 < properties.size(); i += 2) {
    std::string name = amqp::text_of(properties[i]).value_or("");
    std::string value = property_text(properties[i + 1]);
    if (const SystemProperty* known = find(kAmongProperties, name)) {
      add(system, known->name, std::move(value));
    } else {
      telemetry.properties.emplace_back(std::move(name), std::move(value));
    }
  }
  body = message.body();
  telemetry.body = body;
  return telemetry;
}

}  // namespace iothub::heads::amqp_head
