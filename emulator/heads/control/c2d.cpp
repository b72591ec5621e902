/// Cloud-to-device messages, which the service's own API takes over AMQP only.
#include "emulator/hub/c2d.h"

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "protocol/text/base64.h"

namespace iothub::heads::control {
namespace {

using hub::C2dMessage;
using hub::Json;

hub::Result<C2dMessage> message_of(const Json& arguments) {
  C2dMessage message;
  for (const auto& [name, member] : {std::pair{"messageId", &C2dMessage::message_id},
                                     {"correlationId", &C2dMessage::correlation_id},
                                     {"userId", &C2dMessage::user_id},
                                     {"contentType", &C2dMessage::content_type},
                                     {"contentEncoding", &C2dMessage::content_encoding},
                                     {"body", &C2dMessage::body}}) {
    const auto value = text_argument(arguments, name);
    if (!value) return value.error();
    message.*member = value->value_or("");
  }
  const auto bytes = text_argument(arguments, "bodyBase64");
  if (!bytes) return bytes.error();
  if (*bytes) {
    if (!message.body.empty()) return hub::argument_invalid("'body' and 'bodyBase64' exclude each other");
    auto decoded = text::base64_decode_text(**bytes);
    if (!decoded) return hub::argument_invalid("'bodyBase64' is no base64");
    message.body = std::move(*decoded);
  }
  const auto ack = text_argument(arguments, "ack");
  if (!ack) return ack.error();
  const auto known = hub::ack_of(ack->value_or("none"));
  if (!known) return hub::argument_invalid("'ack' is none of none, positive, negative and full");
  message.ack = *known;
  const auto expiry = text_argument(arguments, "expiry");
  if (!expiry) return expiry.error();
  if (*expiry) {
    message.expiry = text::parse_iso_time(**expiry);
    if (!message.expiry) return hub::argument_invalid("'expiry' is no time such as 2026-01-01T00:00:00Z");
  }
  if (const auto properties = arguments.find("properties"); properties != arguments.end()) {
    if (!properties->is_object()) return hub::argument_invalid("'properties' is no object");
    for (const auto& [name, value] : properties->items()) {
      if (!value.is_string()) return hub::argument_invalid("property '" + name + "' is no string");
      message.properties.emplace_back(name, value.get<std::string>());
    }
  }
  return message;
}

void send(const Request& request, const hub::Identity& to) {
  const hub::Result<Json> arguments =
      request.arguments({"messageId", "correlationId", "userId", "contentType", "contentEncoding", "body", "bodyBase64",
                         "ack", "expiry", "properties"});
  if (!arguments) return request.refuse(arguments.error());
  hub::Result<C2dMessage> message = message_of(*arguments);
  if (!message) return request.refuse(message.error());
  if (const auto sent = request.hub.c2d().send(to, std::move(*message)); !sent) return request.refuse(sent.error());
  request.answer({{"waiting", request.hub.c2d().count(to)}}, 201);
}

}  // namespace

void send_to_device(const Request& request) {
  send(request, {{request.ids.at(0)}, {}});
}

void send_to_module(const Request& request) {
  send(request, {{request.ids.at(0)}, {request.ids.at(1)}});
}

}  // namespace iothub::heads::control
