#include "emulator/app/monitor.h"

#include <iostream>
#include <span>

#include "emulator/app/event_client.h"
#include "emulator/app/exit_status.h"
#include "emulator/hub/json.h"
#include "protocol/amqp/message.h"
#include "protocol/text/base64.h"
#include "protocol/text/timestamp.h"
#include "protocol/text/utf8.h"

namespace iothub::app {
namespace {

using hub::Json;

std::string iso(amqp::Time time) {
  return text::iso_time(Timestamp::from_unix_milliseconds(time.unix_milliseconds));
}

std::string enqueued_time(const amqp::Message& event) {
  const amqp::Value* value = amqp::find(event.annotations, "iothub-enqueuedtime");
  const auto* time = value == nullptr ? nullptr : std::get_if<amqp::Time>(value);
  return time == nullptr ? std::string("-") : iso(*time);
}

std::string base64(const std::string& bytes) {
  return text::base64_encode(std::as_bytes(std::span(bytes)));
}

Json json_of(const amqp::Value& value) {
  if (const auto* time = std::get_if<amqp::Time>(&value)) return iso(*time);
  if (const auto number = amqp::integer_of(value)) return *number;
  return amqp::text_of(value).value_or("");
}

Json json_of(const amqp::Map& map) {
  Json out = Json::object();
  for (std::size_t i = 0; i + 1 < map.flat.size(); i += 2) {
    out[amqp::text_of(map.flat[i]).value_or("")] = json_of(map.flat[i + 1]);
  }
  return out;
}

Json system_properties(const amqp::Message& event) {
  Json out = Json::object();
  const auto add = [&out](const char* name, const std::optional<std::string>& value) {
    if (value) out[name] = *value;
  };
  if (!event.message_id.is_null()) add("messageId", amqp::text_of(event.message_id));
  if (!event.correlation_id.is_null()) add("correlationId", amqp::text_of(event.correlation_id));
  add("userId", event.user_id);
  add("to", event.to);
  add("contentType", event.content_type);
  add("contentEncoding", event.content_encoding);
  if (event.absolute_expiry_time) out["absoluteExpiryTime"] = iso(*event.absolute_expiry_time);
  if (event.creation_time) out["creationTimeUtc"] = iso(*event.creation_time);
  return out;
}

bool is_of(const amqp::Message& event, const Config& config) {
  return (config.device.empty() || amqp::text_at(event.annotations, "iothub-connection-device-id") == config.device) &&
         (config.module.empty() || amqp::text_at(event.annotations, "iothub-connection-module-id") == config.module);
}

}  // namespace

std::string event_text(const amqp::Message& event) {
  std::string line = enqueued_time(event) + " " + amqp::text_at(event.annotations, "iothub-connection-device-id");
  const std::string module = amqp::text_at(event.annotations, "iothub-connection-module-id");
  if (!module.empty()) line += "/" + module;
  const std::string body = event.body();
  line += " " + amqp::text_at(event.annotations, "iothub-message-source") + " " +
          (text::is_utf8(body) ? body : base64(body));
  const Json properties = json_of(event.application_properties);
  for (const auto& [name, value] : properties.items()) {
    line += " " + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return line;
}

std::string event_json(int partition, const amqp::Message& event) {
  Json annotations = json_of(event.annotations);
  Json out;
  const auto move_annotation = [&](const char* annotation, const char* name) {
    if (!annotations.contains(annotation)) return;
    out[name] = annotations[annotation];
    annotations.erase(annotation);
  };
  move_annotation("iothub-enqueuedtime", "enqueuedTime");
  move_annotation("iothub-connection-device-id", "deviceId");
  move_annotation("iothub-connection-module-id", "moduleId");
  move_annotation("iothub-message-source", "source");
  out["partition"] = std::to_string(partition);
  move_annotation("x-opt-sequence-number", "sequenceNumber");
  move_annotation("x-opt-offset", "offset");
  annotations.erase("x-opt-enqueued-time");
  out["properties"] = json_of(event.application_properties);
  out["systemProperties"] = system_properties(event);
  out["annotations"] = std::move(annotations);
  const std::string body = event.body();
  if (!text::is_utf8(body)) {
    out["bodyBase64"] = base64(body);
  } else if (Json parsed = Json::parse(body, nullptr, false); !parsed.is_discarded()) {
    out["body"] = std::move(parsed);
  } else {
    out["body"] = body;
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int monitor(const Config& config, const std::string& event_hub_string,
            const std::vector<std::filesystem::path>& ca_files) {
  const std::optional<std::string> selector = event_selector(config.from);
  if (!selector) throw ConfigError("--from: '" + config.from + "' is neither beginning, now nor an ISO 8601 time");
  const std::optional<EventHubString> hub = EventHubString::parse(event_hub_string);
  if (!hub)
    throw ConfigError(
        "EVENTHUB_CONNECTION_STRING is not Endpoint=sb://..;SharedAccessKeyName=..;"
        "SharedAccessKey=..;EntityPath=..");
  EventClient client(*hub, ca_files);
  client.open(config.monitored_group, *selector);
  std::cerr << "reading the events of " << hub->event_hub << " at " << hub->host << " port " << hub->port << std::endl;
  client.read(
      [&config](int partition, const amqp::Message& event) {
        if (!is_of(event, config)) return;
        std::cout << (config.json ? event_json(partition, event) : event_text(event)) << "\n" << std::flush;
      },
      [] { return !std::cout; });  // whoever read the lines has gone
  return kDone;
}

}  // namespace iothub::app
