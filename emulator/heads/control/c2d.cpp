/// Cloud-to-device messages, which the service's own API takes over AMQP only, and looks at them and their feedback
/// that take nothing from anybody.
#include "emulator/hub/c2d.h"

#include <algorithm>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/feedback.h"
#include "emulator/hub/limits.h"
#include "protocol/text/base64.h"
#include "protocol/text/utf8.h"

namespace iothub::heads::control {
namespace {

using hub::C2dMessage;
using hub::Json;

constexpr double kShownBodyBytes = 1024;
constexpr double kShownFeedback = 100;
constexpr double kMostShownFeedback = 1000;

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
  const auto sent = request.hub.c2d().send(to, std::move(*message));
  if (!sent) return request.refuse(sent.error());
  request.answer({{"waiting", request.hub.c2d().count(to)}, {"sequenceNumber", *sent}}, 201);
}

/// A body of which the rest is cut off, without half a character at its end.
std::string_view without_half_a_character(std::string_view body) {
  constexpr std::size_t kLongestCharacter = 4;
  for (std::size_t cut = 0; cut < std::min(kLongestCharacter, body.size()); ++cut) {
    const std::string_view whole = body.substr(0, body.size() - cut);
    if (text::is_utf8(whole)) return whole;
  }
  return body;
}

Json waiting_json(const hub::WaitingC2d& waiting) {
  const C2dMessage& message = waiting.message;
  Json json;
  json["sequenceNumber"] = message.sequence_number;
  for (const auto& [name, member] : {std::pair{"messageId", &C2dMessage::message_id},
                                     {"correlationId", &C2dMessage::correlation_id},
                                     {"userId", &C2dMessage::user_id},
                                     {"to", &C2dMessage::to},
                                     {"contentType", &C2dMessage::content_type},
                                     {"contentEncoding", &C2dMessage::content_encoding}}) {
    if (!(message.*member).empty()) json[name] = message.*member;
  }
  json["state"] = waiting.locked ? "invisible" : "enqueued";
  if (waiting.lock_ends) json["lockedUntil"] = text::iso_time(*waiting.lock_ends);
  json["enqueuedTime"] = text::iso_time(message.enqueued_time);
  json["expiryTime"] = text::iso_time(message.expires);
  json["deliveryCount"] = message.delivery_count;
  json["ack"] = hub::to_string(message.ack);
  json["properties"] = Json::object();
  for (const auto& [name, value] : message.properties) json["properties"][name] = value;
  json["bytes"] = waiting.body_bytes;
  const bool is_cut = message.body.size() < waiting.body_bytes;
  const std::string_view body = is_cut ? without_half_a_character(message.body) : std::string_view(message.body);
  if (text::is_utf8(body)) {
    json["body"] = body;
  } else {
    json["bodyBase64"] = text::base64_encode(body);
  }
  return json;
}

void look(const Request& request, const hub::Identity& of) {
  const hub::Result<Json> arguments = request.arguments({"bodyBytes"});
  if (!arguments) return request.refuse(arguments.error());
  const auto shown = number_argument(*arguments, "bodyBytes", 0, static_cast<double>(hub::kMaxC2dBytes));
  if (!shown) return request.refuse(shown.error());
  const auto queue = request.hub.c2d().look(of, static_cast<std::size_t>(shown->value_or(kShownBodyBytes)));
  if (!queue) return request.refuse(queue.error());
  Json messages = Json::array();
  for (const hub::WaitingC2d& each : *queue) messages.push_back(waiting_json(each));
  request.answer({{"messages", std::move(messages)}});
}

}  // namespace

void look_at_device_queue(const Request& request) {
  look(request, {{request.ids.at(0)}, {}});
}

void look_at_module_queue(const Request& request) {
  look(request, {{request.ids.at(0)}, {request.ids.at(1)}});
}

void list_feedback(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"limit"});
  if (!arguments) return request.refuse(arguments.error());
  const auto limit = number_argument(*arguments, "limit", 1, kMostShownFeedback);
  if (!limit) return request.refuse(limit.error());
  Json records = Json::array();
  for (const hub::WaitingFeedback& each :
       request.hub.feedback().look(static_cast<std::size_t>(limit->value_or(kShownFeedback)))) {
    records.push_back({{"state", hub::to_string(each.state)},
                       {"deliveryCount", each.delivery_count},
                       {"record", Json::parse(each.record)}});
  }
  request.answer({{"records", std::move(records)}});
}

void send_to_device(const Request& request) {
  send(request, {{request.ids.at(0)}, {}});
}

void send_to_module(const Request& request) {
  send(request, {{request.ids.at(0)}, {request.ids.at(1)}});
}

}  // namespace iothub::heads::control
