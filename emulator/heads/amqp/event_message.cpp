#include "emulator/heads/amqp/event_message.h"

#include "emulator/hub/json.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {
namespace {

amqp::Time time_of(Timestamp time) {
  return {time.unix_milliseconds()};
}

std::string text_of(const hub::Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::optional<amqp::Time> parsed_time(const std::string& text) {
  const std::optional<Timestamp> time = text::parse_iso_time(text);
  return time ? std::optional(time_of(*time)) : std::nullopt;
}

void put_system_property(amqp::Message& message, const std::string& name, const std::string& value) {
  if (name == "message-id") {
    message.message_id = value;
  } else if (name == "correlation-id") {
    message.correlation_id = value;
  } else if (name == "user-id") {
    message.user_id = value;
  } else if (name == "to") {
    message.to = value;
  } else if (name == "content-type") {
    message.content_type = value;
  } else if (name == "content-encoding") {
    message.content_encoding = value;
  } else if (name == "absolute-expiry-time") {
    message.absolute_expiry_time = parsed_time(value);
  } else if (name == "creation-time") {
    message.creation_time = parsed_time(value);
  } else if (name == "dt-subject" || name == "dt-dataschema") {
    amqp::add_symbol(message.annotations, name, value);
  }
}

}  // namespace

std::string encode_event(const storage::EventRow& event, const hub::PartitionState& partition, Timestamp now) {
  amqp::Message message;
  amqp::Map& runtime = message.delivery_annotations;
  amqp::add_symbol(runtime, "last_enqueued_sequence_number", partition.last_sequence_number);
  amqp::add_symbol(runtime, "last_enqueued_offset", std::to_string(partition.last_offset));
  amqp::add_symbol(runtime, "last_enqueued_time_utc", time_of(partition.last_enqueued_time));
  amqp::add_symbol(runtime, "runtime_info_retrieval_time_utc", time_of(now));

  amqp::Map& annotations = message.annotations;
  const Timestamp enqueued{event.enqueued_time};
  amqp::add_symbol(annotations, "iothub-connection-device-id", event.device_id);
  if (!event.module_id.empty()) amqp::add_symbol(annotations, "iothub-connection-module-id", event.module_id);
  if (!event.auth_method.empty()) amqp::add_symbol(annotations, "iothub-connection-auth-method", event.auth_method);
  if (!event.auth_generation_id.empty())
    amqp::add_symbol(annotations, "iothub-connection-auth-generation-id", event.auth_generation_id);
  amqp::add_symbol(annotations, "iothub-enqueuedtime", time_of(enqueued));
  amqp::add_symbol(annotations, "iothub-message-source", event.source);
  if (!event.annotations.empty()) {
    const hub::Json own = hub::Json::parse(event.annotations);
    for (const auto& [name, value] : own.items()) amqp::add_symbol(annotations, name, text_of(value));
  }
  if (!event.system_properties.empty()) {
    const hub::Json properties = hub::Json::parse(event.system_properties);
    for (const auto& [name, value] : properties.items()) put_system_property(message, name, text_of(value));
  }
  amqp::add_symbol(annotations, "x-opt-sequence-number", event.sequence_number);
  amqp::add_symbol(annotations, "x-opt-offset", std::to_string(event.offset));
  amqp::add_symbol(annotations, "x-opt-enqueued-time", time_of(enqueued));

  if (!event.properties.empty()) {
    const hub::Json pairs = hub::Json::parse(event.properties);
    for (const hub::Json& pair : pairs)
      amqp::add_string(message.application_properties, pair[0].get<std::string>(), text_of(pair[1]));
  }
  message.data.push_back(event.body);
  return amqp::encode(message);
}

}  // namespace iothub::heads::amqp_head
